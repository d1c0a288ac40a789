"""DuckDB on the rows of the usual table, index on (pair, timeframe, timestamp): the last 200 candles of a series.

Its own file is made beside the database when it is not there yet: DATABASE.duckdb. There the rows are sorted as the
query wants them: DuckDB skips blocks by their range of values, and the index helps only who asks for one timestamp.
"""

import contextlib
import csv
import os
import shutil
import sqlite3
import tempfile

import common
import make_usual
import queries

SCHEMA = """
    CREATE TABLE candles (
        pair VARCHAR, timeframe VARCHAR, timestamp TIMESTAMP,
        open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume INTEGER)
"""
QUERY = make_usual.LAST.format("?")

arguments = queries.arguments(__doc__)
duckdb = common.need("duckdb")


def convert(source, path):
    """By way of a CSV file: row by row takes DuckDB hours."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(sqlite3.connect(source)) as usual:
        rows, made = os.path.join(folder, "candles.csv"), os.path.join(folder, "candles.duckdb")
        with open(rows, "w", newline="") as file:
            csv.writer(file).writerows(usual.execute("SELECT * FROM candles ORDER BY pair, timeframe, timestamp DESC"))
        with duckdb.connect(made) as connection:
            connection.execute(SCHEMA)
            connection.execute(f"COPY candles FROM '{rows}' (HEADER false)")
            connection.execute("CREATE INDEX series ON candles (pair, timeframe, timestamp)")
        shutil.move(made, path)


path = arguments.database + ".duckdb"
if not os.path.exists(path):
    convert(arguments.database, path)
connection = duckdb.connect(path, read_only=True)
queries.measure(lambda pair, timeframe: connection.execute(QUERY, (pair, timeframe)).fetchall(), arguments.count)
