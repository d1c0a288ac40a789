"""Reads the candles and ticks of Candlewick.

    import candlewick

    market = candlewick.connect()
    candles = market.candles("EUR_USD", "5m", last=200)
    frame = market.frame("EUR_USD", "5m")
    for tick in market.ticks("EUR_USD"):
        print(tick.time, tick.bid, tick.ask)

Standard library only. Extras: `pandas` for DataFrames, `zmq` for what is live, `pyarrow` for archived ticks,
`postgres` for candles of a PostgreSQL server. Guide: docs/reading.md.
"""

from .errors import CandlewickError, InvalidArgument, MissingPackage, Unreadable, WaitedTooLong
from .forex_database import ForexDatabase
from .frames import to_frame
from .reader import Reader, connect
from .records import Candle, FormingCandle, Tick

__version__ = "0.1.0"

__all__ = [
    "Candle",
    "CandlewickError",
    "ForexDatabase",
    "FormingCandle",
    "InvalidArgument",
    "MissingPackage",
    "Reader",
    "Tick",
    "Unreadable",
    "WaitedTooLong",
    "connect",
    "to_frame",
]
