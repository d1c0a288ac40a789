"""What a hostile client can take: memory, the time of others, the pipeline's delay."""
# packages: pyzmq==27.3.0

import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import zmq

MEBIBYTE = 1 << 20
MEMORY = 128 * MEBIBYTE
CONNECTIONS = 10_000
SETTINGS = {"speed": 60}


class Ages(threading.Thread):
    """How old ticks, and candles that can be read, are when another process gets them; in seconds."""

    STREAMS = {"ticks": (b"TICK", 32), "stored": (b"CNDL", 176)}  # the offset of receiveTime, of publishTime

    def __init__(self, runtime):
        super().__init__(daemon=True)
        self.runtime, self.found, self.is_over = runtime, {name: [] for name in self.STREAMS}, False
        self.start()

    def run(self):
        context = zmq.Context()
        sockets = {}
        for name, (kind, _) in self.STREAMS.items():
            sockets[name] = context.socket(zmq.SUB)
            sockets[name].subscribe(kind)
            sockets[name].connect(f"ipc://{self.runtime}/{name}.ipc")
        poller = zmq.Poller()
        for one in sockets.values():
            poller.register(one, zmq.POLLIN)
        while not self.is_over:
            ready = dict(poller.poll(200))
            for name, one in sockets.items():
                if one in ready:
                    record = one.recv()
                    offset = self.STREAMS[name][1]
                    then = int.from_bytes(record[offset:offset + 8], "little", signed=True)
                    self.found[name].append((time.time_ns() - then) / 1e9)
        context.destroy(linger=0)

    def stop(self):
        self.is_over = True
        self.join()
        return self.found


class Asking(threading.Thread):
    """Two clients that ask again and again: one keeps its connection, one makes a new one each time."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.kept, self.new, self.refused, self.is_over = world, [], [], 0, False
        self.start()

    def run(self):
        client = self.world.connect()
        while not self.is_over:
            began = time.monotonic()
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
            self.kept.append(time.monotonic() - began)
            began = time.monotonic()
            try:
                assert self.world.get("/healthz", timeout=10).status == 200
                self.new.append(time.monotonic() - began)
            except OSError:
                # The attackers hold all connections.
                self.refused += 1
            time.sleep(0.02)
        client.close()

    def stop(self):
        self.is_over = True
        self.join()
        return self


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def milliseconds(values):
    return f"median {statistics.median(values) * 1e3:.2f}, 99 % {quantile(values, 0.99) * 1e3:.2f} ms ({len(values)})"


def watched(world, seconds, attack=None):
    """Ages and answers while an attack runs, or for so long; and the most memory."""
    ages, asking, memory = Ages(world.pipeline.runtime), Asking(world), []
    end = time.monotonic() + seconds
    while attack.poll() is None if attack else time.monotonic() < end:
        memory.append(world.memory())
        time.sleep(0.1)
    return ages.stop(), asking.stop(), max(memory)


def check_attack(world):
    """Slow heads, 10,000 connections, heads and bodies of 1 MiB, long and deep paths: memory, answers and the pipeline hold."""
    quiet, before, memory_before = watched(world, 15)
    attack = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("attack.py"), *map(str, world.address), "15", str(CONNECTIONS)],
        stdout=subprocess.PIPE, text=True)
    loud, during, memory = watched(world, 15, attack)
    counts = json.loads(attack.stdout.read().splitlines()[-1])
    print(f"    tried: {counts}")
    print(f"    memory: {memory_before / MEBIBYTE:.1f} MiB before, at most {memory / MEBIBYTE:.1f} MiB during")
    print(f"    kept connection: {milliseconds(before.kept)} before, {milliseconds(during.kept)} during")
    print(f"    new connections: {milliseconds(before.new)} before, {milliseconds(during.new or [0])} during, "
          f"{during.refused} refused")
    assert counts["connections"] >= CONNECTIONS, counts
    assert memory < MEMORY, f"{memory} bytes"
    assert quantile(during.kept, 0.99) < 1, "an established client waits"
    for name in quiet:
        ratio = statistics.median(loud[name]) / statistics.median(quiet[name])
        print(f"    age of {name}: {milliseconds(quiet[name])} before, {milliseconds(loud[name])} during, ratio {ratio:.2f}")
        assert ratio < 3, f"{name} are older during the attack"


def check_afterwards(world):
    """After the attack new clients are answered as before, and memory does not grow from one attack to the next."""
    until_free = time.monotonic() + 30
    while time.monotonic() < until_free:
        try:
            if world.get("/healthz", timeout=10).status == 200:
                break
        except OSError:
            time.sleep(0.2)
    assert world.get("/healthz").status == 200
    before = world.memory()
    subprocess.run(
        [sys.executable, Path(__file__).with_name("attack.py"), *map(str, world.address), "5", "2000"],
        stdout=subprocess.DEVNULL, check=True, timeout=200)
    after = world.memory()
    print(f"    {before / MEBIBYTE:.1f} MiB before, {after / MEBIBYTE:.1f} MiB after a second attack")
    assert after < MEMORY and after < before * 1.3 + 4 * MEBIBYTE
