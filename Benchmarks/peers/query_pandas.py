"""pandas.read_sql on the usual table, with a new connection each time: the last 200 candles of a series."""

import contextlib
import sqlite3

import common
import make_usual
import queries

QUERY = make_usual.LAST.format("?")

arguments = queries.arguments(__doc__)
pandas = common.need("pandas")


def query(pair, timeframe):
    with contextlib.closing(sqlite3.connect(arguments.database)) as database:
        return pandas.read_sql(QUERY, database, params=(pair, timeframe))


queries.measure(query, arguments.count)
