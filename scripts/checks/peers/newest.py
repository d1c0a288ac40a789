"""The newest client library announces TLCP 2.5.0: it is served; where 2.4.0 is the newest that is taken it is refused.

usage: newest.py SIMULATOR TICKFILE
"""

import sys
import threading

from lightstreamer.client import ClientListener, LightstreamerClient, Subscription, SubscriptionListener
from simulator import EPIC, Simulator, ticks

binary, path = sys.argv[1:]


def answers(enough, *arguments):
    """What the client was told, by the simulator with these arguments: ticks, and errors of the server."""
    received, errors = [], []
    changed = threading.Event()

    class Ticks(SubscriptionListener):
        def onItemUpdate(self, update):
            received.append(tuple(update.getValue(field) for field in ("BID", "OFR", "UTM")))
            if len(received) >= enough:
                changed.set()

    class Status(ClientListener):
        def onServerError(self, code, message):
            errors.append((code, message))
            changed.set()

    with Simulator(binary, "--ticks", f"EUR_USD={path}", "--speed", "max", *arguments) as simulator:
        user, password = simulator.login()
        client = LightstreamerClient(simulator.stream, None)
        client.connectionDetails.setUser(user)
        client.connectionDetails.setPassword(password)
        client.addListener(Status())
        subscription = Subscription("DISTINCT", [f"CHART:{EPIC}:TICK"], ["BID", "OFR", "UTM"])
        subscription.setRequestedSnapshot("yes")
        subscription.addListener(Ticks())
        client.subscribe(subscription)
        client.connect()
        changed.wait(20)
        client.disconnect()
    return received, errors


expected = [(bid, ask, str(time // 1_000_000)) for time, bid, ask in ticks()]
received, errors = answers(len(expected))
if errors or received[: len(expected)] != expected:
    raise SystemExit(f"{len(received)} of {len(expected)} ticks, errors: {errors}")
received, errors = answers(1, "--protocol-max", "2.4.0")
if received or errors != [(65, "Unsupported protocol version: 2.5.0")]:
    raise SystemExit(f"with --protocol-max 2.4.0: {len(received)} ticks, errors: {errors}")
