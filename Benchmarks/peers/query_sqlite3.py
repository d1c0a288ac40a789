"""Python's sqlite3 on the usual table: the last 200 candles of a series, over one open connection."""

import sqlite3

import make_usual
import queries

QUERY = make_usual.LAST.format("?")

arguments = queries.arguments(__doc__)
database = sqlite3.connect(f"file:{arguments.database}?mode=ro", uri=True)
queries.measure(lambda pair, timeframe: database.execute(QUERY, (pair, timeframe)).fetchall(), arguments.count)
