"""Prints the first records of a segment: decode.py SEGMENT. Reads some 20,000 records a second."""

import struct
import sys
from itertools import islice

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def is_whole(record):
    return crc32c(record[:-4]) == int.from_bytes(record[-4:], "little")


def tick(record):
    """A TICK, CLCK or FEED of 64 bytes; prices in units of 1e-9."""
    names = "kind pair position broker_time receive_time bid ask flags crc32c"
    fields = dict(zip(names.split(), struct.unpack("<4s12sQqqqqII", record)))
    return fields | {name: fields[name].rstrip(b"\0").decode() for name in ("kind", "pair")}


def candle(record):
    """A CNDL, or another record of 192 bytes; bid, ask and mid are (open, high, low, close)."""
    kind, pair, *rest = struct.unpack("<4s12sQqII4q4q4qqqIIIBBHQqII", record)
    names = (
        "kind pair position start timeframe flags bid ask mid first_tick_time last_tick_time tick_count "
        "blind_milliseconds lost_updates source input_stream revision input_position publish_time inverted_ticks crc32c"
    )
    prices = [tuple(rest[4 + side : 8 + side]) for side in (0, 4, 8)]
    texts = [text.rstrip(b"\0").decode() for text in (kind, pair)]
    return dict(zip(names.split(), [*texts, *rest[:4], *prices, *rest[16:]]))


def records(path):
    """Each record of a segment that is whole and has its position."""
    with open(path, "rb") as file:
        header = file.read(64)
        magic, version, size, first, _ = struct.unpack("<8sIIQ36xI", header)
        if magic != b"CWJOURNL" or version != 1 or not is_whole(header):
            raise ValueError(f"{path}: no header of version 1")
        expected = first
        while len(record := file.read(size)) == size:
            if is_whole(record) and int.from_bytes(record[16:24], "little") == expected:
                yield tick(record) if size == 64 else candle(record)
            expected += 1


assert crc32c(b"123456789") == 0xE3069283
if len(sys.argv) > 1:
    for each in islice(records(sys.argv[1]), 4):
        print(each)
