"""nautilus_trader: bars of 5 and 15 minutes by its own TimeBarAggregator, of QuoteTicks that are made beforehand.

Six aggregators a pair, since each makes the bars of one price: 2 timeframes, each for bid, ask and mid. One TestClock
for all of them, advanced before the first tick of the next 5 minutes: between two of these it has nothing to do.
"""

import time

import common

parser = common.parser(__doc__)
parser.add_argument("ticks")
parser.add_argument("count", type=int, nargs="?", default=100_000)
arguments = parser.parse_args()
aggregation = common.need("nautilus_trader.data.aggregation")
component = common.need("nautilus_trader.common.component")
data = common.need("nautilus_trader.model.data")
objects = common.need("nautilus_trader.model.objects")
providers = common.need("nautilus_trader.test_kit.providers")

PRICES = ["BID", "ASK", "MID"]
DECIMALS = 8
SHORTEST = min(common.TIMEFRAMES.values()) * common.NANOSECONDS
LONGEST = max(common.TIMEFRAMES.values()) * common.NANOSECONDS


def instruments(rows):
    """An instrument of the library for each pair."""
    names = sorted({name.decode() for name in rows["pair"]})
    return {name: providers.TestInstrumentProvider.default_fx_ccy(name.replace("_", "/")) for name in names}


def quotes(rows, known):
    """The ticks in the library's form."""
    size = objects.Quantity.from_int(1)
    made = []
    for pair, moment, bid, ask in rows[["pair", "broker_time", "bid", "ask"]].tolist():
        bid, ask = (objects.Price(units / 1e9, DECIMALS) for units in (bid, ask))
        made.append(data.QuoteTick(known[pair.decode()].id, bid, ask, size, size, moment, moment))
    return made


def aggregators(known, clock, handler):
    """For each instrument its six."""
    made = {instrument.id: [] for instrument in known.values()}
    for instrument in known.values():
        for minutes in common.TIMEFRAMES:
            for price in PRICES:
                bar = data.BarType.from_str(f"{instrument.id}-{minutes}-MINUTE-{price}-INTERNAL")
                made[instrument.id].append(
                    aggregation.TimeBarAggregator(instrument, bar, handler, clock, build_with_no_updates=False)
                )
    return made


def fold(ticks, known):
    """The bars, the seconds, and how many aggregators it took."""
    bars = []
    clock = component.TestClock()
    clock.set_time(begin(ticks[0].ts_event, LONGEST))
    by_instrument = aggregators(known, clock, bars.append)
    boundary = begin(ticks[0].ts_event, SHORTEST) + SHORTEST
    began = time.perf_counter()
    for tick in ticks:
        if tick.ts_event >= boundary:
            advance(clock, tick.ts_event)
            boundary = begin(tick.ts_event, SHORTEST) + SHORTEST
        for aggregator in by_instrument[tick.instrument_id]:
            aggregator.handle_quote_tick(tick)
    advance(clock, begin(ticks[-1].ts_event, LONGEST) + LONGEST)
    return bars, time.perf_counter() - began, sum(map(len, by_instrument.values()))


def begin(moment, length):
    return moment - moment % length


def advance(clock, moment):
    for event in clock.advance_time(moment):
        event.handle()


rows = common.ticks(arguments.ticks, arguments.count)
known = instruments(rows)
ticks = quotes(rows, known)
bars, seconds, count = fold(ticks, known)
common.report(len(ticks), seconds, bars=len(bars), aggregators=count)
