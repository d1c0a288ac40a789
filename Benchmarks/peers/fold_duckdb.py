"""DuckDB: candles of 5 and 15 minutes by GROUP BY, of ticks that lie in a table in memory.

Bid, ask and mid open, high, low and close, and the number of ticks. Nothing is closed and nothing can come late.
Open and close are those of the lowest and highest position: first() and last() of parallel threads are of any order.
"""

import common

parser = common.parser(__doc__)
parser.add_argument("ticks")
arguments = parser.parse_args()
duckdb = common.need("duckdb")

LOAD = """
    CREATE TABLE ticks AS
    SELECT position, time, bid, ask, names.name::pair AS pair
    FROM columns JOIN names ON names.number = columns.pair ORDER BY position
"""
FOLD = """
    CREATE OR REPLACE TABLE candles_{name} AS
    SELECT
        pair, time - time % {length} AS start,
        arg_min(bid, position) bid_open, arg_max(bid, position) bid_close, max(bid) bid_high, min(bid) bid_low,
        arg_min(ask, position) ask_open, arg_max(ask, position) ask_close, max(ask) ask_high, min(ask) ask_low,
        arg_min(mid, position) mid_open, arg_max(mid, position) mid_close, max(mid) mid_high, min(mid) mid_low,
        count(*) AS tick_count
    FROM (SELECT *, (bid + ask) // 2 AS mid FROM ticks)
    GROUP BY ALL
"""
CHECK = "SELECT count(*), sum(bid_close), sum(ask_high), sum(mid_low), sum(tick_count) FROM candles_{name}"


def load(path):
    numpy = common.need("numpy")
    columns, pairs = common.columns(path)
    names = {"number": numpy.arange(len(pairs), dtype="i4"), "name": numpy.array(pairs, dtype=object)}  # noqa: F841
    connection = duckdb.connect()
    connection.execute(f"CREATE TYPE pair AS ENUM ({', '.join(repr(pair) for pair in pairs)})")
    connection.execute(LOAD)  # Finds `columns` and `names` among the variables here.
    return connection, len(columns["time"])


def fold(connection):
    for name, seconds in common.TIMEFRAMES.items():
        connection.execute(FOLD.format(name=name, length=seconds * common.NANOSECONDS))


connection, count = load(arguments.ticks)
_, seconds = common.timed(lambda: fold(connection))
checks = [connection.execute(CHECK.format(name=name)).fetchone() for name in common.TIMEFRAMES]
candles = sum(check[0] for check in checks)
common.report(count, seconds, candles=candles, checksum=common.checksum(*(sum(check[1:]) for check in checks)))
