"""The official Lightstreamer client: from received lines to field values in a listener's onItemUpdate.

COUNT lines of the file are handed to the client as its own WebSocket reader does it; of the client only that reader is
replaced, so neither socket nor WebSocket frames are in `seconds`. They come in messages of 20 lines, the next one when
the listener has had all of the last: in this way the client's three threads hinder each other least.

`parser_seconds`: its function that takes a line apart, alone, on the same lines. No field values, listener or threads.
"""

import itertools
import threading
import time

import common

parser = common.parser(__doc__)
parser.add_argument("lines")
parser.add_argument("count", type=int, nargs="?", default=50_000)
arguments = parser.parse_args()
client_library = common.need("lightstreamer.client")

WARM_UP = 1_000
MESSAGE = 20
WAIT_SECONDS = 300


class Connection:
    """In the place of the client's WebSocket: its server accepts everything and sends nothing by itself."""

    def __init__(self, url, headers, on_open, on_text, *_):
        self.receive = lambda line: on_text(self, line)
        on_open(self)

    def send(self, request):
        if request.startswith("create_session"):
            for line in ("WSOK", "CONOK,session,50000,5000,*"):
                self.receive(line)
        elif request.startswith("control"):
            for parameters in request.split("\r\n")[1:]:
                number = dict(each.split("=", 1) for each in parameters.split("&"))["LS_subId"]
                self.receive(f"SUBOK,{number},1,{3 if number != '1' else 1}")
                self.receive(f"CONF,{number},unlimited,filtered")

    def dispose(self):
        pass

    def isDisposed(self):
        return False


class Ticks(client_library.SubscriptionListener):
    def __init__(self, pairs):
        self.pairs = pairs
        self.subscribed = self.count = self.wanted = 0
        self.last = ()
        self.done = threading.Event()

    def onSubscription(self):
        self.subscribed += 1
        if self.subscribed == self.pairs:
            self.done.set()

    def onItemUpdate(self, update):
        self.last = update.getValue("BID"), update.getValue("OFR"), update.getValue("UTM")
        self.count += 1
        if self.count == self.wanted:
            self.ended = time.perf_counter()
            self.done.set()

    def wait(self):
        if not self.done.wait(WAIT_SECONDS):
            raise SystemExit(f"only {self.count} updates came")
        self.done.clear()


def connect(listener):
    """The connection of a client whose subscriptions are the heartbeat and then, from number 2, the pairs."""
    connections = []

    def make(*how):
        connections.append(Connection(*how))
        return connections[-1]

    client = client_library.LightstreamerClient("http://localhost", None)
    client.delegate.machine.wsFactory = make
    client.connectionOptions.setForcedTransport("WS-STREAMING")
    client.subscribe(client_library.Subscription("MERGE", ["HEARTBEAT"], ["HEARTBEAT"]))
    for number in range(listener.pairs):
        subscription = client_library.Subscription("DISTINCT", [f"PAIR:{number}"], ["BID", "OFR", "UTM"])
        subscription.addListener(listener)
        client.subscribe(subscription)
    client.connect()
    listener.wait()
    return connections[-1]


def deliver(lines, connection, listener):
    """The seconds until the last line is in the listener."""
    began = time.perf_counter()
    for begin in range(0, len(lines), MESSAGE):
        message = lines[begin : begin + MESSAGE]
        listener.wanted = listener.count + len(message)
        for line in message:
            connection.receive(line)
        listener.wait()
    return listener.ended - began


def parse(lines):
    """The seconds of the client's parser alone."""
    generated = common.need("lightstreamer.client.ls_python_client_haxe")
    parser = generated.com_lightstreamer_client_internal__ParseTools_ParseTools_Fields_.parseUpdate
    began = time.perf_counter()
    for line in lines:
        parser(line)
    return time.perf_counter() - began


with open(arguments.lines, newline="\r\n") as file:
    lines = [line[:-2] for line in itertools.islice(file, arguments.count + WARM_UP)]
listener = Ticks(pairs=max(int(line.split(",")[1]) for line in lines) - 1)
connection = connect(listener)
warm_up, measured = lines[:WARM_UP], lines[WARM_UP:]
deliver(warm_up, connection, listener)
seconds = deliver(measured, connection, listener)
common.report(len(measured), seconds, parser_seconds=parse(measured), last=listener.last)
