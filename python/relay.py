"""Reads a stream of another machine through candlewick-relay, encrypted. Needs pyzmq, else the standard library only.

    with Relay("prices.example:7411", "server.key_public", "desk.key_secret", "ticks", start=1) as ticks:
        for record in ticks:
            kind, pair, position, *_ = struct.unpack("<4s12sQqqqqII", record)

`ticks`, `candles`, `history`, `native` and `refold` come without a seam: each position once and in order, from the
journal of the relay's machine into live. `stored` and `forming` have no journal: they come from now on, and a slow
reader may lose some.
The keys are made by `candlewick keys new` and allowed by `candlewick keys allow`. Source: docs/formats.md § 9.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import zmq
import zmq.utils.monitor

_REQUEST, _HEAD = struct.Struct("<4s4x8sQ"), struct.Struct("<4sI8sQQ")
_JOURNALED = ("ticks", "candles", "history", "native", "refold")
_END = 2**64 - 1
_REPEAT_SECONDS = 2
_CONNECT_SECONDS = 10
_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_HANDSHAKES = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | _FAILED[0] | _FAILED[1]


class Relay:
    """One stream of a relay, and so of its one collector; `stored` has the candles of all. For one thread.

    `start`: None from now on, 0 from the oldest record that there is, else a position.
    Raises PermissionError if the relay refuses the key, ConnectionError if it cannot be reached or has another key.
    `take` raises PermissionError if the key was removed, ConnectionError if the relay cannot answer.
    """

    def __init__(
        self, address: str, server_key: str | Path, secret_key: str | Path, stream: str, start: int | None = None
    ) -> None:
        host, _, port = address.rpartition(":")
        self.address, self.stream = address, stream.encode().ljust(8, b"\0")
        self.missing = 0
        """Positions that no journal has any more."""
        self._context = zmq.Context()
        self._keys = [Path(file).read_text().strip().encode() for file in (server_key, secret_key)]
        # Subscribed to first: what comes during the replay is already here.
        self._is_ipv6 = host.startswith("[")
        self._live = self._socket(zmq.SUB)
        self._live.subscribe(self.stream)
        self._live.connect(f"tcp://{host}:{port}")
        self._requests = self._socket(zmq.DEALER)
        # While the relay is away, requests must not wait: it would get them all at once.
        self._requests.immediate, self._requests.sndtimeo = 1, _REPEAT_SECONDS * 1_000
        self._monitors = [socket.get_monitor_socket(_HANDSHAKES) for socket in (self._requests, self._live)]
        self._requests.connect(f"tcp://{host}:{int(port) + 1}")
        self._wait_for_connection()
        self._next = start or 1
        self._is_live = stream not in _JOURNALED
        if not self._is_live and not start:
            head, records = self._ask(_END if start is None else 0)
            self._next = _position(records) if records else max(1, head[4])

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.curve_serverkey, socket.curve_secretkey = self._keys
        socket.curve_publickey = zmq.curve_public(self._keys[1])
        socket.ipv6 = int(self._is_ipv6)
        socket.linger, socket.rcvhwm, socket.heartbeat_ivl, socket.heartbeat_timeout = 0, 65_536, 5_000, 15_000
        return socket

    def _wait_for_connection(self) -> None:
        deadline = time.monotonic() + _CONNECT_SECONDS
        failures = 0
        monitor = self._monitors[0]
        while failures < 3 and monitor.poll(max(0, round((deadline - time.monotonic()) * 1_000))):
            event = zmq.utils.monitor.recv_monitor_message(monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return
            self._check(event)
            failures += event in _FAILED
        reason = "another key than the server's" if failures else "no relay answers"
        raise ConnectionError(f"{self.address}: {reason}")

    def _check(self, event: int) -> None:
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            advice = "candlewick keys allow, on its machine"
            raise PermissionError(f"the relay at {self.address} refuses this key: {advice}")

    def _check_connections(self) -> None:
        for monitor in self._monitors:
            while monitor.poll(0):
                self._check(zmq.utils.monitor.recv_monitor_message(monitor)["event"])

    def _ask(self, position: int) -> tuple[tuple[bytes, int, bytes, int, int], bytes]:
        """The head and the records of an answer; asks again until it comes."""
        while True:
            self._check_connections()
            try:
                self._requests.send(_REQUEST.pack(b"READ", self.stream, position))
            except zmq.Again:  # There is no connection.
                continue
            while self._requests.poll(_REPEAT_SECONDS * 1_000):
                answer = self._requests.recv()
                head, rest = _HEAD.unpack_from(answer), answer[_HEAD.size :]
                if head[0] == b"FAIL":
                    raise ConnectionError(f"the relay at {self.address} says: {rest.decode()}")
                if (head[2], head[3]) == (self.stream, position):  # Else the answer to an earlier one.
                    return head, rest

    def _replay(self) -> list[bytes]:
        (kind, size, _, _, after), rest = self._ask(self._next)
        if kind == b"GONE" and after <= self._next:
            raise ConnectionError(f"the relay at {self.address}: its answer to position {self._next} is not valid")
        first = _position(rest) if rest else max(after, self._next)
        self.missing += first - self._next
        self._next = first + len(rest) // size
        # Fewer than an answer holds: the present end. After GONE the journal goes on at a later position.
        self._is_live = kind == b"READ" and len(rest) < 65_536 // size * size
        return [rest[at : at + size] for at in range(0, len(rest), size)]

    def take(self, timeout: float = 1) -> list[bytes]:
        """The records that are there; waits at most so many seconds for the first, if the relay is there."""
        self._check_connections()
        if self.stream.rstrip(b"\0").decode() not in _JOURNALED:
            return [self._live.recv()[8:]] if self._live.poll(round(timeout * 1_000)) else []
        if not self._is_live:
            return self._replay()
        if not self._live.poll(round(timeout * 1_000)):
            return self._replay()  # Silence may be a lost last message: the journal knows.
        records: list[bytes] = []
        while len(records) < 4_096 and self._live.poll(0):
            record = self._live.recv()[8:]
            if _position(record) == self._next:
                records.append(record)
                self._next += 1
            elif _position(record) > self._next:  # The journal has it, and those before it.
                self._is_live = False
                break
        return records

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield from self.take()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for socket in (self._requests, self._live):
            socket.disable_monitor()
        self._context.destroy(linger=0)


def _position(record: bytes) -> int:
    return int.from_bytes(record[16:24], "little")
