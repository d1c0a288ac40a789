"""Runs every check in a process of its own, prints one line each and a count at the end."""

import argparse
import os
import subprocess
import tempfile

from simulator import write_ticks

parser = argparse.ArgumentParser()
parser.add_argument("--simulator", required=True)
parser.add_argument("--matching", required=True, help="python with the client library that IG takes, and trading-ig")
parser.add_argument("--newest", required=True, help="python with the newest client library")
options = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "EUR_USD.csv.gz")
    write_ticks(path)
    matching = [options.matching, "streaming.py", options.simulator, path]
    checks = [
        ("client library: every tick over WebSocket", matching + ["WS-STREAMING"]),
        ("client library: every tick over HTTP streaming", matching + ["HTTP-STREAMING"]),
        ("client library: every tick over HTTP polling", matching + ["HTTP-POLLING"]),
        ("client library: a refused WebSocket falls back to HTTP", matching + ["any", "refuse-websocket"]),
        ("client library: recovers from a cut WebSocket", matching + ["WS-STREAMING", "cut=700"]),
        ("client library: recovers from a cut HTTP stream", matching + ["HTTP-STREAMING", "cut=700"]),
        ("client library: recovers when PROG is lower than asked", matching + ["any", "cut=700", "prog-back=5"]),
        ("trading-ig: v2 login, REST and streaming", [options.matching, "trading.py", options.simulator, path, "2"]),
        ("trading-ig: v3 login, REST and streaming", [options.matching, "trading.py", options.simulator, path, "3"]),
        ("trading-ig: history in versions 1, 2 and 3", [options.matching, "history.py", options.simulator, path]),
        ("newest client library: every tick; refused with code 65 under --protocol-max 2.4.0",
         [options.newest, "newest.py", options.simulator, path]),
    ]
    failed = 0
    for name, command in checks:
        try:
            result = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=60)
            why = "" if result.returncode == 0 else (result.stderr.strip() or result.stdout.strip())[-2000:]
            good = result.returncode == 0
        except subprocess.TimeoutExpired:
            good, why = False, "took more than 60 s"
        failed += not good
        print(("ok      " if good else "FAILED  ") + name + ("" if good else f"\n{why}"), flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)
