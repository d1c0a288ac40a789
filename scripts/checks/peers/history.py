"""The unmodified trading-ig package reads the simulator's history in versions 1, 2 and 3: the same numbers, those of the ticks.

usage: history.py SIMULATOR TICKFILE
"""

import datetime
import sys

import trading_ig.rest
from simulator import EPIC, Simulator, ticks
from trading_ig import IGService, IGStreamService
from trading_ig.streamer.manager import StreamingManager

binary, path = sys.argv[1:]
ZONE = datetime.timedelta(hours=1)  # London's summer time, which the account's clock shows.


def minutes():
    """Candles of a minute, by the ticks alone: start (UTC), prices by side, count."""
    candles = {}
    for time, bid, ask in ticks():
        start = datetime.datetime.fromtimestamp(time // 60_000_000_000 * 60, datetime.timezone.utc).replace(tzinfo=None)
        candle = candles.setdefault(start, {"bid": [], "ask": []})
        candle["bid"].append(float(bid))
        candle["ask"].append(float(ask))
    return candles


def told(rows, form):
    """What the package read, in the form of `expected`."""
    result = []
    for row in rows:
        prices = [[row[part + "Price"][side] for part in ("open", "high", "low", "close")] for side in ("bid", "ask")]
        result.append((datetime.datetime.strptime(row["snapshotTime"], form) - ZONE, prices, row["lastTradedVolume"]))
    return result


expected = [
    (start, [[side[0], max(side), min(side), side[-1]] for side in (candle["bid"], candle["ask"])], len(candle["bid"]))
    for start, candle in sorted(minutes().items())
]
last = ticks()[-1]
with Simulator(binary, "--ticks", f"EUR_USD={path}", "--speed", "max") as simulator:
    trading_ig.rest.D_BASE_URL["demo"] = simulator.rest + "/gateway/deal"
    service = IGService("someone", "something", "key", acc_type="DEMO", acc_number="ABC12", return_dataframe=False)
    stream = IGStreamService(service)
    stream.acc_number = "ABC12"
    stream.create_session(version="2")
    manager = StreamingManager(stream)
    manager.start_tick_subscription(EPIC)
    ticker = manager.ticker(EPIC, timeout_length=20)
    for _ in range(100):
        if (ticker.bid, ticker.offer) == (float(last[1]), float(last[2])):
            break
        __import__("time").sleep(0.1)
    manager.stop_subscriptions()

    count = len(expected)
    first, final = expected[0][0] + ZONE, expected[-1][0] + ZONE
    points = 10_000

    def check(name, reply, form, allowance):
        global points
        points -= count
        assert told(reply["prices"], form) == expected, (name, told(reply["prices"], form)[:2], expected[:2])
        assert allowance["remainingAllowance"] == points, (name, allowance, points)

    slashes, colons = "%Y/%m/%d %H:%M:%S", "%Y:%m:%d-%H:%M:%S"
    reply = service.fetch_historical_prices_by_epic_and_num_points(EPIC, "MINUTE", count)
    check("version 2, the last", reply, slashes, reply["allowance"])
    dates = [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in (first, final)]
    reply = service.fetch_historical_prices_by_epic_and_date_range(EPIC, "MINUTE", *dates, version="2")
    check("version 2, by dates", reply, slashes, reply["allowance"])
    reply = service.fetch_historical_prices_by_epic_and_date_range(EPIC, "MINUTE", first, final, version="1")
    check("version 1, by dates", reply, colons, reply["allowance"])
    dates = [moment.strftime("%Y-%m-%dT%H:%M:%S") for moment in (first, final)]
    for size in (0, 3, 1_000):
        reply = service.fetch_historical_prices_by_epic(
            EPIC, resolution="MINUTE", start_date=dates[0], end_date=dates[1], pagesize=size, wait=0
        )
        check(f"version 3, {size} a page", reply, slashes, reply["metadata"]["allowance"])
        utc = [datetime.datetime.strptime(row["snapshotTimeUTC"], "%Y-%m-%dT%H:%M:%S") for row in reply["prices"]]
        assert utc == [start for start, _, _ in expected], utc
    service.logout()
