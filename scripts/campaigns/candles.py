"""The reference fold: ticks into candles, written from docs/architecture.md § Candles alone."""

from bisect import bisect_right
from operator import itemgetter

import journal

TIMEFRAMES = (300, 900)
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
GRACE = SECOND // 2
# How far a tick moves feed time beyond the last clock record, and what is missing may lie beyond the reported times.
ORDER_MARGIN = 2 * SECOND


class Fold:
    """What a ticks journal comes to: quotes by interval, feed time, and updates that were lost.

    A quote is (time, bid, ask), with None for a side that the tick does not bring. An interval is
    (pair, timeframe in seconds, start in seconds).
    """

    def __init__(self, records):
        self.counted = []
        self.quotes = {}
        # By pair, counts by (since, until): somewhere after the pair's last tick.
        self.losses = {}
        # Candles that a wrong time closed before they had begun: no right tick has come since.
        self.void = set()
        self.feed_time, self.clock, self._last = 0, None, {}
        takers = {b"TICK": self._tick, b"CLCK": self._clock, b"FEED": self._event}
        for record in records:
            takers[record.kind](record)

    def closed(self):
        """Candle rows of the intervals that are over."""
        return {key: row(quotes) for key, quotes in self.quotes.items() if self.is_over(key)}

    def is_over(self, key):
        return (key[2] + key[1]) * SECOND + GRACE <= self.feed_time

    def _tick(self, record):
        reached = record.time
        if self.clock is not None:
            if record.time > max(self.feed_time, self.clock + DAY):
                self._lose(record.pair, self.feed_time, self.feed_time, 1)
                return
            reached = min(reached, self.clock + ORDER_MARGIN)
        self.feed_time = max(self.feed_time, reached)
        bid = None if record.flags & journal.BID_MISSING else record.bid
        ask = None if record.flags & journal.ASK_MISSING else record.ask
        quote = (record.time, bid, ask)
        former = self._last.get(record.pair)
        is_old = former is not None and (former[0] > record.time or former == quote)
        if (bid is None and ask is None) or record.flags & journal.DUPLICATE or (record.flags & journal.SNAPSHOT and is_old):
            return
        self._last[record.pair] = quote
        self.counted.append((record.pair, *quote))
        for key in intervals(record.pair, record.time):
            if key in self.void:
                self.void.remove(key)
                self.quotes[key] = []
            self.quotes.setdefault(key, []).append(quote)

    def _clock(self, record):
        # It never steps back by itself: the word that it was set back must be among missing positions.
        if self.clock is not None and record.time < self.clock - HOUR:
            self._set_back(record.time)
        self.clock = max(self.clock or 0, record.time)
        self.feed_time = max(self.feed_time, record.time)

    def _event(self, record):
        if record.flags == journal.LOST:
            until = max(record.time, self.feed_time)
            last = self._last.get(record.pair, (until,))[0]
            self._lose(record.pair, min(last, until), until, record.bid)
        elif record.flags == journal.CLOCK_SET_BACK:
            self._set_back(record.ask)
        elif record.flags == journal.BLIND_ENDED and not record.pair and self.clock is not None:
            self.clock = max(self.clock, record.ask)

    def _lose(self, pair, since, until, count):
        told = self.losses.setdefault(pair, {})
        told[since, until] = told.get((since, until), 0) + count

    def _set_back(self, time):
        """The broker's time was wrong and ahead: intervals that had not begun begin anew."""
        if time >= max(self.feed_time, self.clock or 0):
            return
        for key in [key for key in self.quotes if key[2] * SECOND >= time]:
            if self.is_over(key):
                self.void.add(key)
            elif key not in self.void:
                del self.quotes[key]
        former, self.losses = self.losses, {}
        for pair, told in former.items():
            for (since, until), count in told.items():
                if since < time:
                    self._lose(pair, since, min(until, time), count)
        self._last = {pair: (min(last[0], time), *last[1:]) for pair, last in self._last.items()}
        self.feed_time = self.clock = time


def intervals(pair, time):
    return [(pair, timeframe, time // (timeframe * SECOND) * timeframe) for timeframe in TIMEFRAMES]


def fold(ticks):
    """Candle rows by interval, of (pair, time, bid, ask)."""
    candles = {}
    for pair, *quote in ticks:
        for key in intervals(pair, quote[0]):
            candles.setdefault(key, []).append(quote)
    return {key: row(quotes) for key, quotes in candles.items()}


def row(quotes):
    """bid, ask, mid of open, high, low, close; tick count; inverted; first and last time. 0 for what no tick brought."""
    # Of ticks with one time the order of arrival stays.
    quotes = sorted(quotes, key=itemgetter(0))
    both = _both(quotes)
    sides = ([q[1] for q in quotes if q[1] is not None], [q[2] for q in quotes if q[2] is not None], [sum(q) // 2 for q in both])
    prices = [price for side in sides for price in ((side[0], max(side), min(side), side[-1]) if side else (0, 0, 0, 0))]
    return (*prices, len(quotes), sum(ask < bid for bid, ask in both), quotes[0][0], quotes[-1][0])


def lacks_mid(quotes):
    return not _both(quotes)


def _both(quotes):
    return [(bid, ask) for _, bid, ask in quotes if bid is not None and ask is not None]


class Holes:
    """Stretches [from, until) of feed time, ns, of which nothing is known."""

    def __init__(self, stretches):
        self.stretches = []
        for start, end in sorted(s for s in stretches if s[1] > s[0]):
            if self.stretches and start <= self.stretches[-1][1]:
                self.stretches[-1][1] = max(end, self.stretches[-1][1])
            else:
                self.stretches.append([start, end])
        self._starts = [start for start, _ in self.stretches]

    def overlap(self, start, end):
        return sum(max(0, min(end, b) - max(start, a)) for a, b in self.stretches)

    def hold(self, time):
        index = bisect_right(self._starts, time) - 1
        return index >= 0 and time < self.stretches[index][1]
