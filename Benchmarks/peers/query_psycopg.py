"""psycopg on a PostgreSQL server of ours, prepared and binary: the last 200 candles of a series.

From the table `candle`; with --view from the view `candles`, which needs a first moment: without one it sorts the series.
"""

import common
import queries

PRICES = ", ".join(f"{side}_{price}" for side in ("bid", "ask", "mid") for price in ("open", "high", "low", "close"))
TABLE = f"""
    SELECT open_time, {PRICES}, tick_count, complete, blind_ms, lost, revision, source
    FROM candle WHERE instrument_id = (SELECT id FROM instrument WHERE name = %s) AND timeframe = %s AND complete = 1
    ORDER BY open_time DESC LIMIT 200
"""
VIEW = """
    SELECT * FROM candles WHERE pair = %s AND timeframe = %s AND timestamp > %s ORDER BY timestamp DESC LIMIT 200
"""

parser = common.parser(__doc__)
parser.add_argument("database", help="a URI")
parser.add_argument("count", type=int)
parser.add_argument("--view", action="store_true")
arguments = parser.parse_args()
psycopg = common.need("psycopg")
with psycopg.connect(arguments.database, autocommit=True) as connection:
    cursor = connection.cursor(binary=True)
    newest = dict(cursor.execute("SELECT timeframe, max(open_time) FROM candle GROUP BY timeframe").fetchall())

    def last(pair, timeframe):
        seconds = common.TIMEFRAMES[timeframe]
        if arguments.view:
            return cursor.execute(VIEW, (pair, timeframe, newest[seconds] - 250 * seconds), prepare=True).fetchall()
        return cursor.execute(TABLE, (pair, seconds), prepare=True).fetchall()

    queries.measure(last, arguments.count)
