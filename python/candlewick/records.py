"""Candles and ticks as values.

Prices are floats: a whole number of units of 1e-9 below 9 million is a float and back without a loss. Times are
datetimes in UTC, with zone. A price that no tick brought is nan.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = 1_000_000_000
"""Units in a price of 1, and nanoseconds in a second."""


class Candle(NamedTuple):
    """A stored candle: of the mid price, or of the side that was asked for."""

    pair: str
    timeframe: str
    """Minutes, such as `5`."""
    time: datetime
    """The interval's start."""
    open: float
    high: float
    low: float
    close: float
    volume: int
    """Ticks; of a bought candle the broker's count."""
    complete: bool
    """Whether the pipeline saw every update of the interval."""
    source: str
    """`streamed`, `bought`, `derived` or `imported`."""


class FormingCandle(NamedTuple):
    """The candle of the present interval as far as it has come; mid prices."""

    pair: str
    timeframe: str
    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int
    complete: bool
    """Whether the pipeline has seen every update of the interval so far."""
    bid: float
    """At the last tick, as `ask`."""
    ask: float


class Tick(NamedTuple):
    """One change of bid or ask as the broker sent it. The fields are exact; the properties are easier to use.

    Source: docs/formats.md § 1.1.
    """

    position: int
    """Its place in the stream of all pairs: the order in which ticks came."""
    pair: str
    broker_nanoseconds: int
    """When, by the broker; since 1970-01-01 UTC. The ticks of a pair may come out of this order."""
    receive_nanoseconds: int
    """When it arrived here, by the local clock."""
    bid_units: int
    """In units of 1e-9; 0 if the broker did not send this side."""
    ask_units: int
    flags: int

    @property
    def time(self) -> datetime:
        """The broker's time, cut to microseconds."""
        return moment(self.broker_nanoseconds)

    @property
    def receive_time(self) -> datetime:
        return moment(self.receive_nanoseconds)

    @property
    def bid(self) -> float:
        return math.nan if self.flags & 8 else self.bid_units / UNITS

    @property
    def ask(self) -> float:
        return math.nan if self.flags & 16 else self.ask_units / UNITS

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2

    @property
    def is_duplicate(self) -> bool:
        """A snapshot that only repeats the pair's last tick. Candles do not count it."""
        return bool(self.flags & 4)


def moment(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


def nanoseconds(moment: datetime) -> int:
    """Of a datetime; without a zone it is UTC."""
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return (since // timedelta(microseconds=1)) * 1_000
