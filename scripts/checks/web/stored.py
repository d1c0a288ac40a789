"""What the database holds of EUR_USD for the checks in bots.py, and rows of others in the same form."""

import csv
import itertools
from datetime import datetime, timezone
from decimal import Decimal

from world import until

# 2026-05-11, before the simulated market begins.
IMPORT_END = 1_778_457_600
IMPORTED = 10_500
COLUMNS = [f"{side}_{price}" for side in ("bid", "mid", "ask") for price in ("open", "high", "low", "close")]
SIDES = {"B": ("bid", 0), "M": ("mid", 4), "A": ("ask", 8)}


def in_week(start):
    """Neither Saturday nor Sunday, so that there are holes."""
    return datetime.fromtimestamp(start, timezone.utc).weekday() < 5


def generated():
    """Rows of 5-minute candles, oldest first, with prices that need all digits."""
    starts = itertools.islice(filter(in_week, itertools.count(IMPORT_END - 300, -300)), IMPORTED)
    for number, start in enumerate(reversed(list(starts))):
        bid = [Decimal(107_000 + (number * 7919 + more) % 4_000) / 100_000 for more in (1, 3, 0, 2)]
        bid[1], bid[2] = max(bid), min(bid)
        ask = [price + Decimal(6 + number % 5) / 100_000 for price in bid]
        yield [start, *bid, *ask, number % 900 + 1]


def candles(world, end=IMPORT_END):
    """What is stored of EUR_USD 5m before a moment, oldest first: start, twelve prices in units of 1e-9, ticks."""
    return world.rows(
        f"""SELECT open_time, {", ".join(COLUMNS)}, tick_count FROM candle
        WHERE instrument_id = (SELECT id FROM instrument WHERE name = 'EUR_USD') AND timeframe = 300
        AND complete = 1 AND open_time < ? ORDER BY open_time""",
        (end,),
    )


def imported(world):
    """The same, once a file with more than 10,000 of them is imported."""
    if len(candles(world)) < IMPORTED:
        file = world.folder / "candles.csv"
        with file.open("w", newline="") as out:
            rows = csv.writer(out)
            sides = [f"{side}_{price}" for side in ("bid", "ask") for price in ("open", "high", "low", "close")]
            rows.writerow(["timestamp", *sides, "volume"])
            rows.writerows(generated())
        world.candlewick("import", str(file), "--pair", "EUR_USD", "--timeframe", "5m")
        until("the imported candles are stored", 60, lambda: len(candles(world)) >= IMPORTED, 0.1)
    return candles(world)


def units(text):
    """A price's text in units of 1e-9, exactly."""
    number = Decimal(text) * 10**9
    assert number == int(number), text
    return int(number)


def same(found, expected):
    for at, (one, other) in enumerate(zip(found, expected)):
        assert one == other, f"{at}: {one} is not {other}"
    assert len(found) == len(expected), f"{len(found)} are not {len(expected)}"


def seconds(text):
    """Of a time with nine decimals."""
    assert text.endswith(".000000000Z") and len(text) == 30, text
    return int(datetime.fromisoformat(text[:19] + "+00:00").timestamp())


def row(candle, letters):
    """A candle of OANDA's as a row of the database, with the sides asked for."""
    names = [SIDES[letter][0] for letter in "BMA" if letter in letters]
    assert {"bid", "mid", "ask"} & set(candle) == set(names), candle
    prices = [units(candle[name][price]) for name in names for price in "ohlc"]
    assert candle["complete"] is True, candle
    return (seconds(candle["time"]), *prices, candle["volume"])


def stored_row(stored, letters):
    start, *prices, ticks = stored
    firsts = [SIDES[letter][1] for letter in "BMA" if letter in letters]
    return (start, *(price for first in firsts for price in prices[first : first + 4]), ticks)


def stamp(start):
    return datetime.fromtimestamp(start, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
