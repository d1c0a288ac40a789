"""The unmodified Lightstreamer client library against the simulator.

usage: streaming.py SIMULATOR TICKFILE TRANSPORT FAULT...     TRANSPORT: WS-STREAMING, HTTP-STREAMING, HTTP-POLLING, any
Exits with 0 when every tick arrived once, in order, with its values, in one session.
"""

import sys
import threading
import time

from lightstreamer.client import ClientListener, LightstreamerClient, Subscription, SubscriptionListener
from simulator import EPIC, Simulator, ticks

binary, path, transport, *faults = sys.argv[1:]
expected = [(bid, ask, str(time_ns // 1_000_000)) for time_ns, bid, ask in ticks()]
received = []
statuses = []
errors = []
changed = threading.Event()


class Ticks(SubscriptionListener):
    def onItemUpdate(self, update):
        received.append(tuple(update.getValue(field) for field in ("BID", "OFR", "UTM")))
        if len(received) >= len(expected):
            changed.set()

    def onSubscriptionError(self, code, message):
        errors.append((code, message))
        changed.set()

    def onItemLostUpdates(self, name, position, lost):
        errors.append(("lost", lost))


class Status(ClientListener):
    def onStatusChange(self, status):
        statuses.append(status)

    def onServerError(self, code, message):
        errors.append((code, message))
        changed.set()


arguments = ["--ticks", f"EUR_USD={path}", "--speed", "max"]
for fault in faults:
    arguments += ["--fault", fault]
with Simulator(binary, *arguments) as simulator:
    user, password = simulator.login()
    client = LightstreamerClient(simulator.stream, None)
    client.connectionDetails.setUser(user)
    client.connectionDetails.setPassword(password)
    if transport != "any":
        client.connectionOptions.setForcedTransport(transport)
    client.addListener(Status())
    subscription = Subscription("DISTINCT", [f"CHART:{EPIC}:TICK"], ["BID", "OFR", "UTM"])
    subscription.setRequestedSnapshot("yes")
    subscription.addListener(Ticks())
    client.subscribe(subscription)
    client.connect()
    changed.wait(40)
    time.sleep(0.3)  # Anything that comes twice comes now.
    sessions = simulator.state()["sessions"]
    session_id = client.connectionDetails.getSessionId()
    client.disconnect()

print("statuses:", " ".join(statuses))
problems = []
if errors:
    problems.append(f"errors: {errors}")
if received != expected:
    first = next((i for i, pair in enumerate(zip(received, expected)) if pair[0] != pair[1]), None)
    problems.append(f"{len(received)} of {len(expected)} ticks, first difference at {first}")
if transport != "any" and f"CONNECTED:{transport}" not in statuses:
    problems.append(f"never {transport}")
if any(fault.startswith("cut") for fault in faults) and "DISCONNECTED:TRYING-RECOVERY" not in statuses:
    problems.append("no recovery took place")
if [session["id"] for session in sessions] != [session_id]:
    problems.append(f"sessions {sessions}, client has {session_id}")
if problems:
    raise SystemExit("; ".join(problems))
