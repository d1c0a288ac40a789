"""Candles and ticks as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .errors import missing
from .records import Candle, Tick

if TYPE_CHECKING:
    import pandas


def to_frame(records: Iterable[Candle] | Iterable[Tick]) -> pandas.DataFrame:
    """A DataFrame with a row for each, by `time` (UTC).

    Of candles: pair, timeframe, open, high, low, close, volume, complete, source. Of ticks: position, pair,
    receive_time, bid, ask (nan: not sent), flags; their times have nanoseconds.
    """
    try:
        import pandas
    except ImportError:
        raise missing("DataFrames", "pandas", "pandas") from None
    rows = list(records)
    if rows and isinstance(rows[0], Tick):
        return _ticks(pandas.DataFrame.from_records(rows, columns=list(Tick._fields)))
    frame = pandas.DataFrame.from_records(rows, columns=list(Candle._fields))
    frame["time"] = pandas.to_datetime(frame["time"], utc=True)
    return frame.set_index("time")


def _ticks(frame: pandas.DataFrame) -> pandas.DataFrame:
    import pandas

    for name, missing_side in (("bid", 8), ("ask", 16)):
        frame[name] = (frame[f"{name}_units"] / 1e9).mask((frame["flags"] & missing_side) != 0)
    for name, source in (("time", "broker_nanoseconds"), ("receive_time", "receive_nanoseconds")):
        frame[name] = pandas.to_datetime(frame[source], unit="ns", utc=True)
    return frame.set_index("time")[["position", "pair", "receive_time", "bid", "ask", "flags"]]
