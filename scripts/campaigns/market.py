"""The undisturbed market: real ticks that the simulator plays, and that the referee knows."""

import gzip
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Beside the checkout, or above it.
RECORDED = next((p for p in (a / "shared/data/ticks" for a in ROOT.parents) if p.is_dir()), Path("/nonexistent"))
GOLDEN = ROOT / "Tests" / "Golden" / "payrolls"
HEADER = "timestamp_utc_ns,bid,ask\n"
HOUR = 3600 * 1_000_000_000

SOURCES = {
    "EUR_USD": "oanda_EURUSD_20140501_20140509.csv.gz",
    "NZD_USD": "fxcm_NZDUSD_20140501_20140509.csv.gz",
    "USD_SGD": "dukascopy_USDSGD_20140501_20140509.csv.gz",
}
FIRST = 1_398_920_400 * 1_000_000_000  # 2014-05-01 05:00 UTC, where all three have begun
LAST = 1_399_669_200 * 1_000_000_000  # 2014-05-09 21:00 UTC
# 2014-05-02 21:00 to 2014-05-04 22:00 UTC: no ticks.
WEEKEND = range(1_399_064_400 * 1_000_000_000, 1_399_240_800 * 1_000_000_000)


def prepare(folder, seed, hours, busy=3):
    """Writes tick files of some hours of market, from a moment that the seed chooses; returns the pairs.

    busy: for so many of the hours, the first ones, every pair has ticks.
    """
    folder.mkdir(parents=True)
    if all((RECORDED / name).exists() for name in SOURCES.values()):
        hours = min(hours, (LAST - FIRST) // HOUR)
        start = random.Random(seed).choice(_starts(hours, min(hours, busy) * HOUR))
        for pair, name in SOURCES.items():
            rows = _rows(RECORDED / name)
            _write(folder, pair, ((t, q) for t, q in rows if start <= t < start + hours * HOUR))
        return sorted(SOURCES)
    pairs = ["EUR_USD", "NZD_USD"]
    for pair in pairs:
        _write(folder, pair, _repeated(_rows(GOLDEN / f"{pair}.csv.gz"), hours))
    return pairs


def _starts(hours, busy):
    """Full hours after which every pair has ticks for so many ns at least."""
    return [
        start for start in range(FIRST, LAST - hours * HOUR + 1, HOUR)
        if start + busy <= WEEKEND.start or start >= WEEKEND.stop
    ]  # fmt: skip


def ticks(folder):
    """What the files hold, as (pair, time, bid, ask): ns, units of 1e-9."""
    for path in sorted(folder.glob("*.csv.gz")):
        pair = path.name.removesuffix(".csv.gz")
        for time, quote in _rows(path):
            bid, ask = quote.split(",")
            yield pair, time, units(bid), units(ask)


def is_open(start, length):
    """Whether an interval, Unix seconds, touches the trading week: Sunday to Friday, 21:00 UTC in New York's summer."""
    week = 7 * 24 * 3600
    # The Sunday 21:00 after 1970-01-01, a Thursday.
    since_opening = (start - (3 * 24 + 21) * 3600) % week
    return since_opening < 5 * 24 * 3600 or since_opening + length > week


def units(text):
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000_000 + int(part.ljust(9, "0") or 0)


def _rows(path):
    with gzip.open(path, "rt") as file:
        next(file)
        return [(int(time), quote) for time, _, quote in (line.rstrip("\n").partition(",") for line in file)]


def _repeated(rows, hours):
    """The hour and a half of the golden ticks, again and again."""
    for turn in range(hours * 2 // 3 + 1):
        yield from ((time + turn * 3 * HOUR // 2, quote) for time, quote in rows)


def _write(folder, pair, rows):
    with gzip.open(folder / f"{pair}.csv.gz", "wt", compresslevel=1) as file:
        file.write(HEADER)
        file.writelines(f"{time},{quote}\n" for time, quote in rows)
