"""Makes a database as people have it: the table `candles` with rows of 28 pairs in 5 and 15 minutes.

They are written in the order of time, as a bot that runs writes them. The file must not exist.
"""

import contextlib
import itertools
import os
import sqlite3
import sys
import time

import common

SCHEMA = """
    CREATE TABLE candles (
        pair TEXT, timeframe TEXT, timestamp TEXT, open REAL, high REAL, low REAL, close REAL, volume INTEGER,
        UNIQUE (pair, timeframe, timestamp))
"""
UPSERT = "INSERT OR REPLACE INTO candles VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
LAST = """
    SELECT timestamp, open, high, low, close, volume FROM candles
    WHERE pair = {0} AND timeframe = {0} ORDER BY timestamp DESC LIMIT 200
"""
PAIRS = [f"{a}_{b}" for a, b in itertools.combinations("EUR GBP AUD NZD USD CAD CHF JPY".split(), 2)]
SERIES = [(pair, timeframe) for pair in PAIRS for timeframe in common.TIMEFRAMES]
BEGIN = 1_600_000_200


def rows(count):
    """Rows in the order of time, as many of each series; at most `count`, but one each at least."""
    for index in range(max(1, count // len(SERIES))):
        times = {name: stamp(BEGIN + index * seconds) for name, seconds in common.TIMEFRAMES.items()}
        for number, (pair, timeframe) in enumerate(SERIES):
            low = 1.05 + (index * 7919 + number * 104_729) % 10_007 / 100_000
            yield pair, timeframe, times[timeframe], low + 0.0002, low + 0.0005, low, low + 0.0003, 200 + index % 100


def stamp(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def create(path):
    """A new database with the empty table; WAL and synchronous NORMAL, which make it faster than the defaults do."""
    if os.path.exists(path):
        sys.exit(f"{path} exists already")
    database = sqlite3.connect(path, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute(SCHEMA)
    database.commit()
    return database


def main():
    parser = common.parser(__doc__)
    parser.add_argument("database")
    parser.add_argument("rows", type=int, nargs="?", default=5_000_000)
    arguments = parser.parse_args()
    with contextlib.closing(create(arguments.database)) as database:
        began = time.perf_counter()
        with database:
            count = database.executemany(UPSERT, rows(arguments.rows)).rowcount
        database.execute("PRAGMA wal_checkpoint (TRUNCATE)")
        common.report(count, time.perf_counter() - began)


if __name__ == "__main__":
    main()
