"""Reads journals as docs/formats.md describes them, with nothing of the programs that wrote them."""

import struct
from pathlib import Path
from typing import NamedTuple

HEADER = struct.Struct("<8sIIQ36xI")
TICK = struct.Struct("<4s12sQqqqqII")
CANDLE = struct.Struct("<4s12sQqII4q4q4qqqIIIBBHQqII")

SNAPSHOT, RECOVERED, DUPLICATE, BID_MISSING, ASK_MISSING, INVERTED, LOCAL_CLOCK = (1 << bit for bit in range(7))
SESSION_NEW, PRESERVED, RECOVERED_SESSION, REPLACED, LOST, BLIND_BEGAN, BLIND_ENDED, REFUSED, SKIPPED = range(1, 10)
CLOCK_SET_BACK, SUBSCRIPTION_ENDED, LIMITED, FROZEN = range(10, 14)


def _table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _table()


def crc32c(data):
    crc, table = 0xFFFFFFFF, _CRC
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


class Tick(NamedTuple):
    """A record of the ticks stream: times in ns, prices in units of 1e-9."""

    kind: bytes
    pair: str
    position: int
    time: int
    receive_time: int
    bid: int
    ask: int
    flags: int


class Candle(NamedTuple):
    """A record of the candles stream: times in ns, prices in units of 1e-9."""

    kind: bytes
    pair: str
    position: int
    start: int
    timeframe: int
    flags: int
    prices: tuple
    first: int
    last: int
    ticks: int
    blind: int
    lost: int
    source: int
    revision: int
    input: int
    inverted: int


class Contents(NamedTuple):
    records: list
    faults: list
    skips: list  # (first missing position, count) between segments


def _tick(raw):
    kind, pair, position, time, received, bid, ask, flags, _ = TICK.unpack(raw)
    return Tick(kind, pair.rstrip(b"\0").decode(), position, time, received, bid, ask, flags)


def _candle(raw):
    v = CANDLE.unpack(raw)
    return Candle(v[0], v[1].rstrip(b"\0").decode(), *v[2:6], v[6:18], *v[18:23], v[23], *v[25:27], v[28])


def segments(folder):
    return sorted(Path(folder).glob("*.journal"))


def read(folder):
    """All records of a journal, what is wrong with it, and which positions its segments skip."""
    contents = Contents([], [], [])
    expected = 1
    files = segments(folder)
    for path in files:
        expected = _read_segment(path, expected, path == files[-1], contents)
    if not files:
        contents.faults.append(f"{folder}: no segment")
    return contents


def _read_segment(path, expected, is_last, contents):
    data = path.read_bytes()
    if len(data) < HEADER.size and is_last:
        return expected
    magic, version, size, first, crc = HEADER.unpack_from(data)
    if magic != b"CWJOURNL" or version != 1 or crc32c(data[:60]) != crc or f"{first:020}" != path.stem:
        contents.faults.append(f"{path.name}: header is not whole")
        return expected
    if first != expected:
        contents.skips.append((expected, first - expected))
        if first < expected:
            contents.faults.append(f"{path.name}: begins at {first}, the segment before ends at {expected - 1}")
    decode = _tick if size == TICK.size else _candle
    expected = first
    for offset in range(HEADER.size, len(data), size):
        raw = data[offset : offset + size]
        if len(raw) < size:
            contents.faults.append(f"{path.name}: {len(raw)} bytes too many at the end")
            break
        if crc32c(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            contents.faults.append(f"{path.name}: checksum at offset {offset}")
        else:
            record = decode(raw)
            if record.position != expected:
                contents.faults.append(f"{path.name}: position {record.position} where {expected} belongs")
            contents.records.append(record)
        expected += 1
    return expected


def last_record(folder, kind=b""):
    """The last whole record of a journal, or of a kind; None if nothing was written. For a journal that may be growing."""
    for path in reversed(segments(folder)):
        with path.open("rb") as file:
            header = file.read(HEADER.size)
            if len(header) < HEADER.size:
                continue
            size = HEADER.unpack(header)[2]
            count = (file.seek(0, 2) - HEADER.size) // size
            while count > 0:
                file.seek(HEADER.size + (count - 1) * size)
                raw = file.read(size)
                if raw.startswith(kind) and crc32c(raw[:-4]) == int.from_bytes(raw[-4:], "little"):
                    return _tick(raw) if size == TICK.size else _candle(raw)
                count -= 1
    return None
