"""Records of the pipeline as the journal, `stored` and the database have them: docs/formats.md."""

import collections
import sqlite3
import struct

TICK = struct.Struct("<4s12sQqqqqII")
CANDLE = struct.Struct("<4s12sQqII4q4q4qqqIIIBBHQqII")
HEADER_BYTES = 64
DUPLICATE, WITHOUT_SIDE, PARTIAL = 4, 8 | 16, 1
CODES = {3: "recovered", 4: "replaced"}

Tick = collections.namedtuple("Tick", "pair position broker_time receive_time flags")


class Message(collections.namedtuple("Message", "pair start timeframe flags revision input_position read")):
    """A candle as `stored` reported it; read: when a reader had its row."""

    @property
    def key(self):
        return self.pair, self.timeframe, self.start


class Row(collections.namedtuple("Row", "pair seconds start tick_count is_complete")):
    """A candle of the database; start: seconds since 1970."""

    @property
    def key(self):
        return self.pair, self.seconds, self.start


def text(pair):
    return pair.rstrip(b"\0").decode()


def read_ticks(folder):
    """The counted ticks of a journal, and its events, in the order of positions."""
    ticks, events = [], []
    for path in sorted(folder.glob("*.journal")):
        data = path.read_bytes()[HEADER_BYTES:]
        data = data[:len(data) // TICK.size * TICK.size]
        for kind, pair, position, broker_time, receive_time, _, _, flags, _ in TICK.iter_unpack(data):
            record = Tick(text(pair), position, broker_time, receive_time, flags)
            if kind == b"FEED":
                events.append(record)
            elif kind == b"TICK" and not flags & DUPLICATE and flags & WITHOUT_SIDE != WITHOUT_SIDE:
                ticks.append(record)
    return ticks, events


def read_candles(read):
    """The candles that reader.py read."""
    for message, moment, _ in read:
        fields = CANDLE.unpack(bytes.fromhex(message))
        revision, input_position = fields[-5], fields[-4]
        yield Message(text(fields[1]), fields[3], fields[4], fields[5], revision, input_position, moment)


def candles_stored(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = database.execute("SELECT pair, timeframe * 60, timestamp, tick_count, complete FROM candles_full")
        return [Row(*row) for row in rows]
    finally:
        database.close()
