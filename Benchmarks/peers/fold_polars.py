"""Polars: candles of 5 and 15 minutes by group_by, of ticks that lie in memory as a DataFrame.

Bid, ask and mid open, high, low and close, and the number of ticks. Nothing is closed and nothing can come late.
"""

import common

parser = common.parser(__doc__)
parser.add_argument("ticks")
arguments = parser.parse_args()
pl = common.need("polars")


def load(path):
    columns, names = common.columns(path)
    pairs = pl.Series(names, dtype=pl.Enum(names))
    return pl.DataFrame(columns).with_columns(pair=pairs.gather(columns["pair"]))


def fold(ticks, seconds):
    length = seconds * common.NANOSECONDS
    prices = pl.col("bid", "ask", "mid")
    return (
        ticks.lazy()
        .with_columns(mid=(pl.col("bid") + pl.col("ask")) // 2, start=pl.col("time") - pl.col("time") % length)
        .group_by("pair", "start")
        .agg(
            prices.first().name.suffix("_open"),
            prices.max().name.suffix("_high"),
            prices.min().name.suffix("_low"),
            prices.last().name.suffix("_close"),
            pl.len().alias("tick_count"),
        )
        .collect()
    )


ticks = load(arguments.ticks)
candles, seconds = common.timed(lambda: [fold(ticks, timeframe) for timeframe in common.TIMEFRAMES.values()])
summed = [frame[column].sum() for frame in candles for column in ("bid_close", "ask_high", "mid_low", "tick_count")]
common.report(len(ticks), seconds, candles=sum(map(len, candles)), checksum=common.checksum(*summed))
