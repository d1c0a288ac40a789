"""The newest client library announces TLCP 2.5.0: refused as IG refuses it.

usage: newest.py SIMULATOR
"""

import sys
import threading

from lightstreamer.client import ClientListener, LightstreamerClient
from simulator import Simulator

refused = threading.Event()
answers = []


class Status(ClientListener):
    def onServerError(self, code, message):
        answers.append((code, message))
        refused.set()


with Simulator(sys.argv[1]) as simulator:
    user, password = simulator.login()
    client = LightstreamerClient(simulator.stream, None)
    client.connectionDetails.setUser(user)
    client.connectionDetails.setPassword(password)
    client.addListener(Status())
    client.connect()
    refused.wait(20)
    client.disconnect()
if answers != [(65, "Unsupported protocol version: 2.5.0")]:
    raise SystemExit(f"answered {answers}")
