"""The unmodified trading-ig package against the simulator: login, REST, streaming.

usage: trading.py SIMULATOR TICKFILE VERSION     VERSION: of the session, 2 or 3
"""

import sys

import trading_ig.rest
from simulator import EPIC, Simulator, ticks
from trading_ig import IGService, IGStreamService
from trading_ig.streamer.manager import StreamingManager

binary, path, version = sys.argv[1:]
last = ticks()[-1]
with Simulator(binary, "--ticks", f"EUR_USD={path}", "--speed", "max") as simulator:
    # The package's own table of addresses; its code stays as it is.
    trading_ig.rest.D_BASE_URL["demo"] = simulator.rest + "/gateway/deal"
    service = IGService("someone", "something", "key", acc_type="DEMO", acc_number="ABC12")
    stream = IGStreamService(service)
    stream.acc_number = "ABC12"
    stream.create_session(version=version)
    accounts = service.fetch_accounts()
    assert len(accounts["accounts"]) == 2, accounts
    manager = StreamingManager(stream)
    manager.start_tick_subscription(EPIC)
    ticker = manager.ticker(EPIC, timeout_length=20)
    for _ in range(100):
        if ticker.bid == float(last[1]) and ticker.offer == float(last[2]):
            break
        manager.ticker(EPIC)
        __import__("time").sleep(0.1)
    assert (ticker.bid, ticker.offer) == (float(last[1]), float(last[2])), ticker
    market = service.fetch_market_by_epic(EPIC)
    assert market["snapshot"]["bid"] == float(last[1]), market["snapshot"]
    prices = service.fetch_historical_prices_by_epic(EPIC, resolution="MINUTE", numpoints=5, wait=0)
    assert prices["metadata"]["size"] == 5, prices["metadata"]
    assert prices["prices"][-1]["closePrice"]["bid"] == float(last[1]), prices["prices"][-1]
    manager.stop_subscriptions()
    service.logout()
