"""Records of our own, and sockets of our own in the place of stages."""

import struct
import threading

from rows import START

try:
    import zmq
except ImportError:
    zmq = None

# Never waited for unless something is broken.
LONG = 60


def sealed(content):
    """With its CRC-32C, bit by bit as docs/formats.md defines it."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return content + struct.pack("<I", value ^ 0xFFFFFFFF)


def form(
    start=START, minutes=5, bid=(1.1, 1.3, 1.0, 1.2), flags=0, ticks=7, kind=b"FORM", pair=b"EUR_USD", spread=0.0002,
    position=0,
):  # fmt: skip
    """A FORM record; mid is halfway between bid and ask; without a spread ask is missing."""
    bids = [round(price * 1e9) for price in bid]
    asks = [units + round(spread * 1e9) if spread else 0 for units in bids]
    mids = [(low + high) // 2 if high else 0 for low, high in zip(bids, asks)]
    return sealed(struct.pack(
        "<4s12sQqII4q4q4qqqIIIBBHQqI", kind, pair, position, start * 1_000_000_000, minutes * 60, flags,
        *bids, *asks, *mids, start * 1_000_000_000, start * 1_000_000_000, ticks, 0, 0, 1, 0, 1, 0, 0, 0,
    ))  # fmt: skip


def tick(pair=b"EUR_USD"):
    return sealed(struct.pack("<4s12sQqqqqI", b"TICK", pair, 1, 0, 0, 1_200_000_000, 1_200_200_000, 0))


class Stage:
    """The socket of a stage. Its thread gives every new subscription the records `answers`, as the aggregator does."""

    def __init__(self, path, answers=None):
        self.path, self.answers = path, answers
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        # A subscription is reported also if another subscriber has the same.
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.answer)
        if answers is not None:
            self.thread.start()
        else:
            self.bind()

    def bind(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.socket.bind(f"ipc://{self.path}")

    def answer(self):
        self.bind()
        while not self.ended.is_set():
            if self.socket.poll(20) and self.socket.recv().startswith(b"\1"):
                for record in self.answers:
                    self.socket.send(record)

    def expect(self, event):
        """Waits until the event of a subscriber comes: `\\1` and a topic, or `\\0` and a topic at its end."""
        while self.socket.poll(LONG * 1000):
            if self.socket.recv() == event:
                return
        raise AssertionError(f"no {event}")

    def close(self):
        self.ended.set()
        if self.answers is not None:
            self.thread.join()
        self.context.destroy()
