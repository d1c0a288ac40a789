"""Programs of others read candles and prices: oandapyV20, OANDA's own v20, and a reader that pages as TradingView's does."""
# packages: oandapyV20==0.7.2 six==1.17.0 v20==3.0.25.0 requests==2.34.2 ujson==6.1.0 PyYAML==6.0.4

import csv
import itertools
import json
import time
from decimal import Decimal

import oandapyV20
import v20
from oandapyV20 import oandapyV20 as client
from oandapyV20.contrib.factories import InstrumentsCandlesFactory
from oandapyV20.endpoints import accounts, instruments, pricing
from oandapyV20.exceptions import StreamTerminated, V20Error
from stored import IMPORT_END, IMPORTED, imported, in_week, row, same, seconds, stamp, stored_row, units
from udf_client import History
from world import until

SETTINGS = {"token": "checks-of-bots-0123456789"}
ACCOUNT = "101-004-0000001-001"


# OANDA


def api(world, token=None):
    """The client as it is; only its table of addresses names another place."""
    client.TRADING_ENVIRONMENTS["practice"] = {"api": world.url, "stream": world.url}
    return oandapyV20.API(access_token=token or world.token, environment="practice", request_params={"timeout": 60})


def check_sides(world):
    """oandapyV20 reads candles of each choice of sides, equal to the database's to the last digit"""
    stored = imported(world)[:500]
    for letters in ("M", "B", "A", "MB", "BA", "MA", "MBA", "ABM"):
        params = {"granularity": "M5", "price": letters, "from": stamp(stored[0][0]), "count": 500}
        reply = api(world).request(instruments.InstrumentsCandles("EUR_USD", params))
        assert (reply["instrument"], reply["granularity"]) == ("EUR_USD", "M5"), reply
        same([row(candle, letters) for candle in reply["candles"]], [stored_row(each, letters) for each in stored])


def check_pages(world):
    """oandapyV20 pages through more than 10,000 candles by from and count, without a hole or a repeat"""
    stored, found = imported(world), []
    params = {"granularity": "M5", "price": "MBA", "count": 1_000, "from": stamp(stored[0][0])}
    while True:
        reply = api(world).request(instruments.InstrumentsCandles("EUR_USD", params))
        page = [candle for candle in reply["candles"] if seconds(candle["time"]) < IMPORT_END]
        if not page:
            break
        found += page
        params |= {"from": found[-1]["time"], "includeFirst": False}
    same([row(candle, "MBA") for candle in found], stored)


def check_factory(world):
    """oandapyV20's own factory of requests pages through more than 10,000 candles"""
    stored, found = imported(world), []
    for count in (500, 5_000):
        params = {
            "granularity": "M5", "price": "MBA", "count": count,
            "from": stamp(stored[0][0]), "to": stamp(IMPORT_END),
        }  # fmt: skip
        found.clear()
        for request in InstrumentsCandlesFactory("EUR_USD", params):
            found += api(world).request(request)["candles"]
        same([row(candle, "MBA") for candle in found], stored)


def check_forming(world):
    """the newest candle forms, and the one before it is the database's"""
    deadline = time.monotonic() + 30
    while True:
        params = {"granularity": "M1", "price": "B", "count": 5}
        reply = api(world).request(instruments.InstrumentsCandles("EUR_USD", params))
        states = [candle["complete"] for candle in reply["candles"]]
        assert all(states[:-1]), states
        # Between the end of a candle and the first tick behind it none forms.
        if len(states) == 5 and not states[-1]:
            break
        assert time.monotonic() < deadline, f"no candle forms behind four others: {states}"
        time.sleep(0.1)
    path = f"/v3/accounts/{ACCOUNT}/candles/latest?candleSpecifications=EUR_USD:M1:BM,USD_JPY:M5:A"
    latest = world.get(path).json["latestCandles"]
    assert [(each["instrument"], each["granularity"]) for each in latest] == [("EUR_USD", "M1"), ("USD_JPY", "M5")]
    assert latest[0]["candles"] and set(latest[0]["candles"][-1]) == {"complete", "volume", "time", "bid", "mid"}


def check_accounts(world):
    """oandapyV20 reads the account and its instruments"""
    asked = api(world).request
    assert asked(accounts.AccountList())["accounts"] == [{"id": ACCOUNT, "tags": []}]
    assert asked(accounts.AccountSummary(ACCOUNT))["account"]["id"] == ACCOUNT
    assert asked(accounts.AccountDetails(ACCOUNT))["account"]["trades"] == []
    listed = asked(accounts.AccountInstruments(ACCOUNT))["instruments"]
    assert [each["name"] for each in listed] == world.pairs, listed
    yen = asked(accounts.AccountInstruments(ACCOUNT, {"instruments": "USD_JPY"}))["instruments"]
    assert [(each["name"], each["displayPrecision"], each["pipLocation"]) for each in yen] == [("USD_JPY", 3, -2)]


def ticks(world):
    """Those of the journal as (time, pair, bid, ask), a missing side as None."""
    lines = csv.DictReader(world.candlewick("export", "ticks").splitlines())
    return {(line["time"], line["pair"], line["bid"] or None, line["ask"] or None) for line in lines}


def trimmed(text):
    """Without the zeros that a price has only for its precision."""
    return format(Decimal(text).normalize(), "f")


def quoted(price):
    sides = [price[side][0]["price"] if price[side] else None for side in ("bids", "asks")]
    assert sides == [price.get("closeoutBid"), price.get("closeoutAsk")], price
    assert price["tradeable"] == (price["status"] == "tradeable"), price
    return (price["time"], price["instrument"], *(side and trimmed(side) for side in sides))


def check_pricing(world):
    """oandapyV20 reads the newest prices, which are ticks of the journal and tradeable"""

    def prices():
        reply = api(world).request(pricing.PricingInfo(ACCOUNT, {"instruments": ",".join(world.pairs)}))
        return reply["prices"] if all(price["tradeable"] for price in reply["prices"]) else []

    found = until("every pair has a tradeable price", 30, lambda: prices() or None, 0.2)
    assert [price["instrument"] for price in found] == world.pairs
    known = {(at, pair) for at, pair, _, _ in ticks(world)}
    assert all((price["time"], price["instrument"]) in known for price in found), found


def check_stream(world):
    """oandapyV20 streams prices, each a tick of the journal, and heartbeats"""
    request = pricing.PricingStream(ACCOUNT, {"instruments": "EUR_USD,USD_JPY", "snapshot": False})
    prices, beats = [], 0
    deadline = time.monotonic() + 120
    try:
        for line in api(world).request(request):
            assert time.monotonic() < deadline, f"{len(prices)} prices and {beats} heartbeats came in two minutes"
            if line["type"] == "HEARTBEAT":
                beats += 1
            else:
                prices.append(line)
            if beats >= 2 and len(prices) >= 50:
                request.terminate("enough")
    except StreamTerminated:
        pass
    assert {price["instrument"] for price in prices} == {"EUR_USD", "USD_JPY"}
    assert len(set(map(quoted, prices))) > 40, "prices repeat"
    known = ticks(world)
    strange = [price for price in prices if quoted(price) not in known]
    assert not strange, f"{len(strange)} of {len(prices)} are no tick, such as {strange[0]}"


def check_snapshot(world):
    """the stream begins with the present price of each instrument"""
    request = pricing.PricingStream(ACCOUNT, {"instruments": "EUR_USD,GBP_USD,USD_JPY"})
    lines = api(world).request(request)
    first = [next(lines) for _ in range(3)]
    assert sorted(line["instrument"] for line in first) == ["EUR_USD", "GBP_USD", "USD_JPY"], first
    lines.close()


def check_errors(world):
    """what is wrong becomes oandapyV20's V20Error with OANDA's sentence"""
    pages = {"from": stamp(IMPORT_END - 3_600), "to": stamp(IMPORT_END), "granularity": "M5"}
    wrong = [
        (instruments.InstrumentsCandles("NO_PE", {"granularity": "M5"}), 400, "Invalid value specified for 'instrument'"),
        (instruments.InstrumentsCandles("EUR_USD", {"granularity": "S5"}), 400, "Invalid value specified for 'granularity'. EUR_USD has M1, M5"),
        (instruments.InstrumentsCandles("EUR_USD", {}), 400, "Invalid value specified for 'granularity'"),
        (instruments.InstrumentsCandles("EUR_USD", {"granularity": "M5", "count": 5_001}), 400, "Maximum value for 'count' exceeded"),
        (instruments.InstrumentsCandles("EUR_USD", pages | {"count": 5}), 400, "'count' cannot be specified when"),
        (instruments.InstrumentsCandles("EUR_USD", pages | {"to": "2199-01-01T00:00:00Z"}), 400, "Time is in the future"),
        (pricing.PricingInfo(ACCOUNT, {}), 400, "Invalid value specified for 'instruments'"),
        (accounts.AccountSummary("101-004-1-002"), 400, "Invalid value specified for 'accountID'"),
        (instruments.InstrumentsOrderBook("EUR_USD"), 404, ""),
    ]  # fmt: skip
    for request, code, words in wrong:
        try:
            api(world).request(request)
        except V20Error as error:
            assert error.code == code and words in json.loads(error.msg)["errorMessage"], (words, error.code, error.msg)
        else:
            raise AssertionError(f"{request} {request.params} was answered")


def check_token(world):
    """with another token oandapyV20 reads nothing, prices neither"""
    for request in (accounts.AccountList(), pricing.PricingStream(ACCOUNT, {"instruments": "EUR_USD"})):
        try:
            next(iter(api(world, token="checks-of-bots-987654321").request(request)))
        except V20Error as error:
            assert error.code == 401, error.code
        else:
            raise AssertionError(f"{request} was answered")


def check_own_client(world):
    """OANDA's own package v20 reads the same candles, and streams prices"""
    stored = imported(world)[-100:]
    api = v20.Context(*world.address, ssl=False, token=world.token, decimal_number_as_float=False, stream_timeout=30)
    reply = api.instrument.candles("EUR_USD", granularity="M5", price="BMA", count=100, toTime=stamp(IMPORT_END))
    found = [
        (seconds(candle.time),
         *(units(getattr(getattr(candle, side), price)) for side in ("bid", "mid", "ask") for price in "ohlc"),
         candle.volume)
        for candle in reply.get("candles", 200)
    ]  # fmt: skip
    same(found, stored)
    assert api.instrument.candles("EUR_USD", granularity="S5").status == 400
    names = [each.name for each in api.account.instruments(ACCOUNT).get("instruments", 200)]
    assert names == world.pairs and api.account.summary(ACCOUNT).get("account", 200).id == ACCOUNT
    assert len(api.pricing.get(ACCOUNT, instruments="EUR_USD,USD_JPY").get("prices", 200)) == 2
    kinds = {kind for kind, _ in itertools.islice(api.pricing.stream(ACCOUNT, instruments="EUR_USD").parts(), 10)}
    assert "pricing.ClientPrice" in kinds, kinds


# TradingView


def check_udf_symbols(world):
    """a UDF client finds symbols and their resolutions"""
    settings = world.get("/udf/config").json
    assert settings["supported_resolutions"] == ["1", "5"] and settings["supports_search"], settings
    assert abs(int(world.get("/udf/time").text)) > IMPORT_END
    names = [each["symbol"] for each in world.get("/udf/search?query=eur&type=&exchange=&limit=30").json]
    assert names == ["EURUSD", "EURUSD.BID", "EURUSD.ASK"], names
    symbol = world.get("/udf/symbols?symbol=EURUSD").json
    assert (symbol["session"], symbol["timezone"]) == ("0000-0000:123456", "Etc/UTC"), symbol
    unknown = world.get("/udf/symbols?symbol=NOPE")
    assert unknown.json == {"s": "error", "errmsg": "unknown_symbol"}, unknown


def udf_rows(bars):
    return [(bar["t"], *(units(bar[price]) for price in "ohlc"), bar["v"]) for bar in bars]


def check_udf_pages(world):
    """a UDF client scrolls back through more than 10,000 bars of each side, without a hole or a repeat"""
    stored = imported(world)
    for name, letter in (("EURUSD", "M"), ("EURUSD.BID", "B"), ("EURUSD.ASK", "A")):
        history = History(world, name, "5")
        bars = history.scroll(end=IMPORT_END, page=329)
        same(udf_rows(bars), [stored_row(each, letter) for each in stored])


def check_udf_limit(world):
    """a UDF client that knows the server's limit asks for the rest itself"""
    stored = imported(world)
    bars = History(world, "EURUSD.BID", "5", limit=10_000).bars(0, IMPORT_END, IMPORTED)
    same(udf_rows(bars), [stored_row(each, "B") for each in stored])


def check_udf_gap(world):
    """over a weekend a UDF client is led to the newest bar before it"""
    stored = imported(world)
    friday = next(row[0] for row in reversed(stored) if not in_week(row[0] + 300))
    answer = History(world, "EURUSD", "5").ask({"from": friday + 86_400, "to": friday + 90_000})
    assert answer == {"s": "no_data", "nextTime": friday}, answer


def check_udf_forming(world):
    """the last bar of a chart is the one that forms"""
    history = History(world, "EURUSD.BID", "1")
    newest = world.rows("SELECT MAX(open_time) FROM candle WHERE timeframe = 60")[0][0]
    last = until("a bar forms", 10, lambda: next(
        (bar for bar in history.bars(0, 4_000_000_000, 2)[-1:] if bar["t"] > newest), None), 0.1)
    assert last["v"] > 0, last
