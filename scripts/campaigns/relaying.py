"""The relay between two network namespaces: random starts without a seam, and the delay that it adds.

A pipeline of real programs with a played market runs in one namespace, with the relay on one end of a pair of virtual
interfaces; the clients run in another at the other end, so that nothing but TCP reaches them. The machine's own network
has neither, so that campaigns may run beside each other. scripts/check-relay says more.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import journal
import processes
import relay
import zmq

CLONE_NEWNET = 0x40000000
SERVER, CLIENT = "10.231.7.1", "10.231.7.2"
TICK = struct.Struct("<4s12sQqqqqII")


class Network:
    """Two ends of a cable, each in a namespace of its own; this process moves into the near one."""

    def __init__(self):
        self.name = f"cw-relay-{os.getpid()}"
        if not shutil.which("ip"):
            raise OSError("ip is missing: scripts/bootstrap --tests installs it")
        try:
            self.connect()
        except subprocess.CalledProcessError:
            self.remove()
            raise

    def connect(self):
        if processes._libc.unshare(CLONE_NEWNET) != 0:
            raise OSError("only root can make one")
        self.run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "add", "cw-near", "type", "veth", "peer", "name", "cw-far", "netns", self.name)
        self.run("ip", "address", "add", f"{SERVER}/24", "dev", "cw-near")
        self.run("ip", "link", "set", "cw-near", "up")
        far = ("ip", "-n", self.name)
        self.run(*far, "address", "add", f"{CLIENT}/24", "dev", "cw-far")
        self.run(*far, "link", "set", "cw-far", "up")
        self.run(*far, "link", "set", "lo", "up")

    @staticmethod
    def run(*words):
        subprocess.run(words, check=True)

    def enter(self):
        """Moves this process into the far namespace."""
        with open(f"/run/netns/{self.name}") as file:
            if processes._libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                sys.exit("the namespace cannot be entered")

    def remove(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False, stderr=subprocess.DEVNULL)


def far(network, results, work, *arguments):
    """In a process of its own."""
    network.enter()
    try:
        results.put((work.__name__, work(*arguments)))
    except Exception as error:  # The other side waits for a result.
        results.put((work.__name__, error))


def random_starts(login, folder, count, seed):
    """Each client begins somewhere, goes over to live, and must have each record of the journal, byte for byte."""
    rng = random.Random(seed)
    size, began, wrong, live = TICK.size, time.monotonic(), [], 0
    for number in range(count):
        known = journal.last_record(folder).position
        start = rng.choice((None, 0, rng.randint(max(1, known - 20_000), known), rng.randint(1, known)))
        wanted = (known - start if start else known if start == 0 else 0) + rng.randint(1, 200)
        seen = []
        with relay.Relay(*login, "ticks", start) as client:
            while len(seen) < wanted:
                seen += client.take()
            live += client._is_live
            first = struct.unpack_from("<Q", seen[0], 16)[0]
            expected = records(folder, first, len(seen))
            if b"".join(seen) != expected or client.missing or (start and first != start):
                wrong.append((number, start, first, len(seen), client.missing))
    return {"starts": count, "live at the end": live, "wrong": wrong, "seconds": round(time.monotonic() - began, 1)}


def records(folder, first, count):
    """The bytes of these records in the journal's only segment."""
    with open(sorted(folder.glob("*.journal"))[-1], "rb") as file:
        file.seek(64 + (first - 1) * TICK.size)
        return file.read(count * TICK.size)


def arrivals(login, seconds):
    """When each position came, ns of the machine's one monotonic clock."""
    times, end = {}, time.monotonic() + seconds
    with relay.Relay(*login, "ticks") as client:
        while time.monotonic() < end:
            for record in client.take(0.1):
                times[struct.unpack_from("<Q", record, 16)[0]] = time.monotonic_ns()
    return times


def local_arrivals(endpoint, seconds):
    times, end = {}, time.monotonic() + seconds
    socket = zmq.Context().socket(zmq.SUB)
    socket.subscribe(b"")
    socket.connect(endpoint)
    while time.monotonic() < end:
        while socket.poll(100 if time.monotonic() < end else 0):
            times[struct.unpack_from("<Q", socket.recv(), 16)[0]] = time.monotonic_ns()
            if time.monotonic() > end:
                break
    return times


def delays(network, login, endpoint, seconds):
    results = multiprocessing.Queue()
    other = multiprocessing.Process(target=far, args=(network, results, arrivals, login, seconds))
    other.start()
    here = local_arrivals(endpoint, seconds)
    there = outcome(results)
    other.join()
    added = sorted((there[p] - here[p]) / 1e6 for p in here.keys() & there.keys())
    return {
        "records": len(added), "records a second": round(len(added) / seconds),
        "added ms": {"p50": pick(added, 0.5), "p99": pick(added, 0.99), "most": round(added[-1], 3)},
    }  # fmt: skip


def pick(values, part):
    return round(values[min(len(values) - 1, int(len(values) * part))], 3)


def outcome(results):
    _, result = results.get(timeout=3600)
    if isinstance(result, Exception):
        raise result
    return result


def has_ticks(folder):
    last = journal.last_record(folder) if folder.exists() else None
    return last is not None and last.position > 500


def make_keys(pipeline, folder):
    def candlewick(*words, **variables):
        subprocess.run([pipeline.binaries / "candlewick", "keys", *words], check=True, stdout=subprocess.DEVNULL,
                       env=pipeline.environment | variables)  # fmt: skip

    candlewick("new", "--server")
    candlewick("new", "far", CANDLEWICK_STATE_DIR=str(folder))
    candlewick("allow", str(folder / "keys/far.key_public"), "far")
    return str(pipeline.state / "keys/server.key_public"), str(folder / "keys/far.key_secret")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--starts", type=int, default=1000)
    parser.add_argument("--for", type=int, default=30, dest="seconds", help="how long the delay is measured")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # Ended from outside it takes the network with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        network = Network()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"check-relay: skipped: this machine gives no network namespace: {error}", file=sys.stderr)
        return 77
    folder = Path(tempfile.mkdtemp(prefix="candlewick-relay."))
    configuration = processes.settings(["EUR_USD", "GBP_USD", "USD_JPY"]) + f"relay: {{listen: '{SERVER}:0'}}\n"
    pipeline = processes.Pipeline(folder / "near", options.bin, configuration)
    try:
        # About 300 ticks a second.
        pipeline.start_simulator(["--speed", "20", "--rate", "5.7", "--start", "2026-05-12T00:00:00"])
        pipeline.start("ingest-stream").ready()
        keys = make_keys(pipeline, folder / "far")
        login = (pipeline.start("candlewick-relay").ready()["live"].removeprefix("tcp://"), *keys)
        ticks = pipeline.journal("ticks")
        processes.until("ticks are in the journal", 60, lambda: has_ticks(ticks))
        report = {"delay": delays(network, login, f"ipc://{pipeline.runtime}/ticks.ipc", options.seconds)}
        results = multiprocessing.Queue()
        process = multiprocessing.Process(
            target=far, args=(network, results, random_starts, login, ticks, options.starts, options.seed))
        process.start()
        report["random starts"] = outcome(results)
        process.join()
        print(json.dumps(report, indent=2))
        failed = len(report["random starts"]["wrong"])
        print(f"{options.starts - failed} passed, {failed} failed")
        return 1 if failed else 0
    finally:
        pipeline.kill_everything()
        network.remove()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
