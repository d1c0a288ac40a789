"""Python's sqlite3, INSERT OR REPLACE into the usual table by executemany, BATCH rows a transaction.

WAL, synchronous NORMAL. The file must not exist. The rows are made before the measured part.
"""

import contextlib
import itertools
import time

import common
import make_usual

parser = common.parser(__doc__)
parser.add_argument("database")
parser.add_argument("count", type=int)
parser.add_argument("batch", type=int)
arguments = parser.parse_args()

size = len(make_usual.SERIES)
rows = list(itertools.islice(make_usual.rows(arguments.count + size), arguments.count))
batches = [rows[begin : begin + arguments.batch] for begin in range(0, len(rows), arguments.batch)]
with contextlib.closing(make_usual.create(arguments.database)) as database:
    began = time.perf_counter()
    for batch in batches:
        with database:
            database.executemany(make_usual.UPSERT, batch)
    seconds = time.perf_counter() - began
    (stored,) = database.execute("SELECT count(*) FROM candles").fetchone()
common.report(len(rows), seconds, rows=stored)
