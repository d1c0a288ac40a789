"""What people run today: the official client, candles of 5 and 15 minutes in a dictionary, sqlite3, the usual table.

Takes COUNT ticks of a server that runs at HOST PORT; the seconds run from the first tick to the last. A finished
candle (mid price) is written by INSERT OR REPLACE and committed at once; WAL, synchronous NORMAL. The database must
not exist.

The server should send COUNT ticks and no more: the client reads without end and keeps what it has no time for, so that
what comes beyond them takes its time from them.

The newest client announces TLCP 2.5.0, which IG refuses. Here it announces 2.4.0: the versions differ only in the
answer to messages that nobody sends.
"""

import json
import pathlib
import sys
import threading
import time
import urllib.error
import urllib.request

import common
import make_usual

SILENCE_SECONDS = 30

parser = common.parser(__doc__)
parser.add_argument("host")
parser.add_argument("port", type=int)
parser.add_argument("database")
parser.add_argument("count", type=int)
parser.add_argument("--pairs", type=pathlib.Path, help="a file of pair names, one a line; default: the usual 28")
parser.add_argument("--no-login", action="store_true", help="the server streams to anybody and has no REST interface")
arguments = parser.parse_args()
client_library = common.need("lightstreamer.client")
generated = common.need("lightstreamer.client.ls_python_client_haxe")
generated.com_lightstreamer_internal__Constants_Constants_Fields_.FULL_TLCP_VERSION = "TLCP-2.4.0.lightstreamer.com"


class Candles:
    """The candles that are not finished, and the table of those that are."""

    def __init__(self, database):
        self.database = database
        self.current = {}
        self.finished = 0

    def add(self, pair, milliseconds, price):
        for timeframe, seconds in common.TIMEFRAMES.items():
            start = milliseconds // 1000 // seconds * seconds
            candle = self.current.get((pair, timeframe))
            if candle is None or candle["start"] < start:
                if candle is not None:
                    self.store(pair, timeframe, candle)
                self.current[pair, timeframe] = dict(
                    start=start, open=price, high=price, low=price, close=price, volume=1
                )
            else:
                candle["high"] = max(candle["high"], price)
                candle["low"] = min(candle["low"], price)
                candle["close"] = price
                candle["volume"] += 1

    def store(self, pair, timeframe, candle):
        start, *values = candle.values()
        self.database.execute(make_usual.UPSERT, (pair, timeframe, make_usual.stamp(start), *values))
        self.database.commit()
        self.finished += 1


class Run:
    """Counts the ticks of all pairs and takes the time."""

    def __init__(self, count):
        self.wanted = count
        self.count = 0
        self.began = self.ended = 0.0
        self.problem = None
        self.done = threading.Event()

    def tick_begins(self):
        if self.count == 0:
            self.began = time.perf_counter()

    def tick_ends(self):
        self.count += 1
        if self.count == self.wanted:
            self.ended = time.perf_counter()
            self.done.set()

    def fail(self, problem):
        self.problem = problem
        self.done.set()

    def wait(self):
        seen = 0
        while not self.done.wait(SILENCE_SECONDS):
            if self.count == seen:
                self.fail(f"no tick for {SILENCE_SECONDS} s after {seen} ticks")
            seen = self.count


class Ticks(client_library.SubscriptionListener):
    def __init__(self, pair, candles, run):
        self.pair, self.candles, self.run = pair, candles, run

    def onItemUpdate(self, update):
        run = self.run
        if run.done.is_set():
            return
        run.tick_begins()
        price = (float(update.getValue("BID")) + float(update.getValue("OFR"))) / 2
        self.candles.add(self.pair, int(update.getValue("UTM")), price)
        run.tick_ends()

    def onSubscriptionError(self, code, message):
        self.run.fail(f"subscription to {self.pair} refused: {code} {message}")

    def onItemLostUpdates(self, name, position, lost):
        self.run.fail(f"{lost} updates of {self.pair} lost")


class Session(client_library.ClientListener):
    def __init__(self, run):
        self.run = run

    def onServerError(self, code, message):
        self.run.fail(f"session refused: {code} {message}")


def login(address):
    """The user and password of the stream: the account and the tokens of a REST session."""
    request = urllib.request.Request(
        address + "/gateway/deal/session",
        data=json.dumps({"identifier": "someone", "password": "something"}).encode(),
        headers={"X-IG-API-KEY": "key", "Version": "2", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        account = json.load(reply)["currentAccountId"]
        return account, f"CST-{reply.headers['CST']}|XST-{reply.headers['X-SECURITY-TOKEN']}"


def subscribe(client, pairs, candles, run):
    # First the heartbeat, as the pipeline does: so the pairs have the numbers from 2 that a recorded stream names.
    client.subscribe(client_library.Subscription("MERGE", ["TRADE:HB.U.HEARTBEAT.IP"], ["HEARTBEAT"]))
    for pair in pairs:
        item = f"CHART:CS.D.{pair.replace('_', '')}.CFD.IP:TICK"
        subscription = client_library.Subscription("DISTINCT", [item], ["BID", "OFR", "UTM"])
        subscription.setRequestedSnapshot("yes")
        subscription.addListener(Ticks(pair, candles, run))
        client.subscribe(subscription)


def main():
    address = f"http://{arguments.host}:{arguments.port}"
    pairs = arguments.pairs.read_text().split() if arguments.pairs else make_usual.PAIRS
    try:
        user, password = ("anybody", "anything") if arguments.no_login else login(address)
    except urllib.error.URLError as error:
        common.unavailable(f"no login at {address}: {error}")
    database = make_usual.create(arguments.database)
    candles, run = Candles(database), Run(arguments.count)
    client = client_library.LightstreamerClient(address, None)
    client.connectionDetails.setUser(user)
    client.connectionDetails.setPassword(password)
    client.connectionOptions.setForcedTransport("WS-STREAMING")
    client.addListener(Session(run))
    subscribe(client, pairs, candles, run)
    client.connect()
    run.wait()
    client.disconnect()
    if run.problem:
        sys.exit(run.problem)
    common.report(run.count, run.ended - run.began, candles=candles.finished)


main()
