"""The reference fold: ticks into candles, written from docs/architecture.md § Candles alone."""

import journal

TIMEFRAMES = (300, 900)
SECOND = 1_000_000_000
GRACE = 2 * SECOND


def counted(records):
    """The ticks of a journal that move candles, as (pair, time, bid, ask)."""
    last = {}
    for record in records:
        if record.kind != b"TICK" or record.flags & (journal.BID_MISSING | journal.ASK_MISSING):
            continue
        quote = (record.time, record.bid, record.ask)
        former = last.get(record.pair)
        if record.flags & journal.SNAPSHOT and former and (former[0] > record.time or former == quote):
            continue
        if record.flags & journal.DUPLICATE:
            continue
        last[record.pair] = quote
        yield (record.pair, *quote)


class _Candle:
    __slots__ = ("first", "last", "open", "high", "low", "close", "ticks", "inverted")

    def __init__(self, time, quote):
        self.first = self.last = time
        self.open = self.close = quote
        self.high, self.low = list(quote), list(quote)
        self.ticks, self.inverted = 0, 0

    def fold(self, time, quote):
        if time >= self.last:
            self.last, self.close = time, quote
        elif time < self.first:
            self.first, self.open = time, quote
        for side, price in enumerate(quote):
            if price > self.high[side]:
                self.high[side] = price
            if price < self.low[side]:
                self.low[side] = price
        self.ticks += 1
        self.inverted += quote[1] < quote[0]

    def row(self):
        """bid, ask, mid of open, high, low, close; tick count; inverted; first and last time."""
        prices = [v[side] for side in range(3) for v in (self.open, self.high, self.low, self.close)]
        return (*prices, self.ticks, self.inverted, self.first, self.last)


def fold(ticks):
    """Candle rows by (pair, timeframe in seconds, start in seconds)."""
    candles = {}
    for pair, time, bid, ask in ticks:
        quote = (bid, ask, (bid + ask) // 2)
        for timeframe in TIMEFRAMES:
            key = (pair, timeframe, time // (timeframe * SECOND) * timeframe)
            candle = candles.get(key)
            if candle is None:
                candle = candles[key] = _Candle(time, quote)
            candle.fold(time, quote)
    return {key: candle.row() for key, candle in candles.items()}


class Holes:
    """Stretches [from, until) of feed time, ns, of which nothing is known."""

    def __init__(self, stretches):
        self.stretches = []
        for start, end in sorted(s for s in stretches if s[1] > s[0]):
            if self.stretches and start <= self.stretches[-1][1]:
                self.stretches[-1][1] = max(end, self.stretches[-1][1])
            else:
                self.stretches.append([start, end])

    def overlap(self, start, end):
        return sum(max(0, min(end, b) - max(start, a)) for a, b in self.stretches)

    def hold(self, time):
        return any(a <= time < b for a, b in self.stretches)
