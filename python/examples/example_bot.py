"""Prints MA-200 and Ichimoku of one pair with each new candle. An example of reading; it does not trade.

    PYTHONPATH=python python3 python/examples/example_bot.py EUR_USD 5m

Finds the database by the same environment variables as the stages. Standard library only; if CANDLEWICK_DATABASE is the
URL of a PostgreSQL server, also psycopg and candlewick_postgres.py.
"""

import argparse
import sqlite3
import sys

from forex_database import ForexDatabase

# The longest average needs this many; Ichimoku needs 52 + 26.
NEEDED = 200


def indicators(high, low, close):
    """Ichimoku's lines at the last candle; the arguments are prices, oldest first.

    Senkou A and B are the cloud over the last candle: computed 26 candles ago and drawn 26 ahead.
    Chikou is the last close against that of 26 candles ago, over which it is drawn.
    """

    def middle(length, ago=0):
        end = len(close) - ago
        return (max(high[end - length : end]) + min(low[end - length : end])) / 2

    return {
        "MA-200": sum(close[-200:]) / 200,
        "Tenkan": middle(9),
        "Kijun": middle(26),
        "Senkou A": (middle(9, ago=26) + middle(26, ago=26)) / 2,
        "Senkou B": middle(52, ago=26),
        "Chikou": close[-1] - close[-27],
    }


def line(candles):
    high, low, close = (list(candles[name]) for name in ("high", "low", "close"))
    text = f"{newest(candles):%Y-%m-%d %H:%M}  close {close[-1]:.5f}"
    if len(close) < NEEDED:
        return f"{text}  {len(close)} of {NEEDED} candles: `ingest-backfill` buys what is lacking"
    values = indicators(high, low, close)
    cloud = sorted((values["Senkou A"], values["Senkou B"]))
    place = "above" if close[-1] > cloud[1] else "below" if close[-1] < cloud[0] else "in"
    return "  ".join([text, *(f"{name} {value:.5f}" for name, value in values.items()), f"{place} the cloud"])


def newest(candles):
    return list(candles["time"])[-1]


def follow(database, pair, timeframe, once):
    candles = database.get_candles(pair, timeframe, NEEDED)
    print(line(candles), flush=True)
    while not once:
        try:
            database.wait_for_candle(pair, timeframe, timeout=3600, after=newest(candles))
        except TimeoutError as error:  # A weekend, or the pipeline stands still: `candlewick status` says which.
            print(error, file=sys.stderr)
            continue
        # Read again as a whole: an older candle may have a new revision.
        candles = database.get_candles(pair, timeframe, NEEDED)
        print(line(candles), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Prints MA-200 and Ichimoku of one pair with each new candle.")
    parser.add_argument("pair", nargs="?", default="EUR_USD")
    parser.add_argument("timeframe", nargs="?", default="5m")
    parser.add_argument("--once", action="store_true", help="print the last candle's line and end")
    options = parser.parse_args()
    try:
        follow(ForexDatabase(), options.pair, options.timeframe, options.once)
    except (ValueError, OSError, ImportError, sqlite3.DatabaseError) as error:
        print(f"example_bot: {error}", file=sys.stderr)
        return 69
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
