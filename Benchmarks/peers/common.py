"""What the peers share: arguments, missing packages, output, ticks and the folded candles' checksum."""

import argparse
import importlib
import json
import os
import sys
import time

WRONG_USAGE = 64
UNAVAILABLE = 69
TIMEFRAMES = {"5": 300, "15": 900}
NANOSECONDS = 1_000_000_000
LEFT_OUT = 4 | 8 | 16  # Flags of ticks that are not counted in candles: docs/formats.md § 1.1.


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(WRONG_USAGE, f"{self.prog}: {message}\n{self.format_usage()}")


def parser(text):
    return Parser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def need(module):
    """The module, or the end of the program with the code that says: left out."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        unavailable(f"{module} cannot be imported: {error}")


def unavailable(why):
    print(f"{os.path.basename(sys.argv[0])}: {why}", file=sys.stderr)
    sys.exit(UNAVAILABLE)


def report(count, seconds, **more):
    print(json.dumps({"count": int(count), "seconds": round(seconds, 9), **more}))


def ticks(path, count=None):
    """The ticks of a file of 64-byte records, in the file's order, as an array with one column a field."""
    numpy = need("numpy")
    record = numpy.dtype(
        [
            ("kind", "S4"),
            ("pair", "S12"),
            ("position", "<u8"),
            ("broker_time", "<i8"),
            ("receive_time", "<i8"),
            ("bid", "<i8"),
            ("ask", "<i8"),
            ("flags", "<u4"),
            ("crc32c", "<u4"),
        ]
    )
    records = numpy.fromfile(path, record)
    is_counted = (records["kind"] == b"TICK") & (records["flags"] & LEFT_OUT == 0)
    return records[is_counted][:count]


def columns(path):
    """The ticks as contiguous columns: position, time, bid, ask, the pair's number; and the pairs' names."""
    numpy = need("numpy")
    rows = ticks(path)
    names, numbers = numpy.unique(rows["pair"], return_inverse=True)
    data = {
        "position": rows["position"].astype("i8"),
        "time": rows["broker_time"].copy(),
        "bid": rows["bid"].copy(),
        "ask": rows["ask"].copy(),
        "pair": numbers.astype("i4"),
    }
    return data, [name.decode() for name in names]


def checksum(*sums):
    """The sum as a signed number of 64 bits, with wrap-around."""
    total = sum(int(each) for each in sums)
    return (total + 2**63) % 2**64 - 2**63


def timed(work):
    """The result of a second call, and its seconds: the first one warms up."""
    work()
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began
