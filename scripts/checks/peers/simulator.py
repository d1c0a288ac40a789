"""Starts ig-simulator and logs in: what the checks share. Standard library only."""

import gzip
import json
import tempfile
import urllib.request
from pathlib import Path

from processes import Program

EPIC = "CS.D.EURUSD.CFD.IP"
TICKS = 2000


def ticks():
    """Small but awkward: several ticks in one millisecond, repeats, prices of different lengths."""
    rows = []
    time = 1_398_902_400_292_000_000
    for index in range(TICKS):
        if index % 7:
            time += (index * 37 % 900) * 1_000_000
        bid = 138_676 + (index * 13) % 41 - 20
        ask = bid + 8 + index % 5
        if index % 11 == 0 and rows:
            rows.append((time, rows[-1][1], rows[-1][2]))
        else:
            text = f"{bid / 100_000:.5f}"
            rows.append((time, text.rstrip("0") if index % 3 == 0 else text, f"{ask / 100_000:.5f}"))
    return rows


def write_ticks(path):
    with gzip.open(path, "wt") as file:
        file.write("timestamp_utc_ns,bid,ask\n")
        for time, bid, ask in ticks():
            file.write(f"{time},{bid},{ask}\n")


class Simulator:
    """A running simulator; ends with the `with` block."""

    def __init__(self, binary, *arguments):
        self.logs = tempfile.TemporaryDirectory(prefix="candlewick-peers.")
        limits = ["--account-per-minute", "unlimited", "--key-per-minute", "unlimited"]
        self.program = Program(binary, ["--port", "0", *limits, *arguments], None, Path(self.logs.name), 1)
        facts = self.program.ready()
        self.rest = facts["rest"]
        self.stream = facts["stream"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stop()
        self.logs.cleanup()

    def login(self):
        """Gives LS_user and LS_password."""
        request = urllib.request.Request(
            self.rest + "/gateway/deal/session",
            data=json.dumps({"identifier": "someone", "password": "something"}).encode(),
            headers={"X-IG-API-KEY": "key", "Version": "2", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            body = json.load(reply)
            password = f"CST-{reply.headers['CST']}|XST-{reply.headers['X-SECURITY-TOKEN']}"
        return body["currentAccountId"], password

    def state(self):
        with urllib.request.urlopen(self.rest + "/simulator/state", timeout=10) as reply:
            return json.load(reply)
