"""pandas: candles of 5 and 15 minutes by groupby, of ticks that lie in memory as a DataFrame.

Bid, ask and mid open, high, low and close, and the number of ticks. Nothing is closed and nothing can come late.
"""

import common

parser = common.parser(__doc__)
parser.add_argument("ticks")
arguments = parser.parse_args()
pd = common.need("pandas")


def load(path):
    columns, names = common.columns(path)
    columns["pair"] = pd.Categorical.from_codes(columns["pair"], names)
    return pd.DataFrame(columns)


def fold(ticks, seconds):
    start = ticks["time"] - ticks["time"] % (seconds * common.NANOSECONDS)
    prices = ticks[["bid", "ask"]].assign(mid=(ticks["bid"] + ticks["ask"]) // 2)
    groups = prices.groupby([ticks["pair"], start], observed=True, sort=False)
    candles = groups.agg(["first", "max", "min", "last"])
    candles[("tick_count", "")] = groups.size()
    return candles


ticks = load(arguments.ticks)
candles, seconds = common.timed(lambda: [fold(ticks, timeframe) for timeframe in common.TIMEFRAMES.values()])
wanted = [("bid", "last"), ("ask", "max"), ("mid", "min"), ("tick_count", "")]
summed = [frame[column].sum() for frame in candles for column in wanted]
common.report(len(ticks), seconds, candles=sum(map(len, candles)), checksum=common.checksum(*summed))
