"""Ticks of 28 pairs and clocks, as a busy feed may send them: out of order, one-sided, snapshots, ask below bid."""

from __future__ import annotations

import numpy

import dataset

PAIRS = [
    "EUR_USD", "EUR_GBP", "EUR_AUD", "EUR_NZD", "EUR_CAD", "EUR_CHF", "EUR_JPY", "GBP_USD", "GBP_AUD", "GBP_NZD",
    "GBP_CAD", "GBP_CHF", "GBP_JPY", "AUD_USD", "AUD_NZD", "AUD_CAD", "AUD_CHF", "AUD_JPY", "NZD_USD", "NZD_CAD",
    "NZD_CHF", "NZD_JPY", "USD_CAD", "USD_CHF", "USD_JPY", "CAD_CHF", "CAD_JPY", "CHF_JPY",
]  # fmt: skip
MONDAY = 20_584  # 2026-05-11, in days since 1970
SNAPSHOT, DUPLICATE, BID_MISSING, ASK_MISSING, INVERTED = 1, 4, 8, 16, 32
SECOND = 1_000_000_000


def day(number: int, count: int, first_position: int, seed: int, is_hostile: bool = False) -> numpy.ndarray:
    """The records of one day in their order of arrival: ticks, and a clock each second.

    `is_hostile` adds what is rare: a fifth of the times out of order, ticks without a side, snapshots that repeat the
    pair's last tick with and without the flag that says so.
    """
    random = numpy.random.default_rng([seed, number])
    clocks = numpy.arange(86_400) * SECOND
    moments = numpy.concatenate([clocks, random.integers(0, dataset.DAY // 1_000_000, count) * 1_000_000])
    order = numpy.argsort(moments, kind="stable")
    times, is_tick = moments[order] + number * dataset.DAY, order >= len(clocks)
    records = numpy.zeros(len(times), dataset.TICK)
    records["position"] = numpy.arange(first_position, first_position + len(times), dtype="u8")
    records["receive_time"] = times + random.integers(20_000_000, 90_000_000, len(times))
    records["kind"], records["broker_time"] = b"CLCK", times
    ticks = records[is_tick]
    pairs = random.integers(0, len(PAIRS), count)
    ticks["kind"], ticks["pair"] = b"TICK", numpy.array(PAIRS, "S12")[pairs]
    ticks["bid"] = _walk(pairs, random)
    ticks["ask"] = ticks["bid"] + random.integers(1, 15, count) * 10_000
    if is_hostile:
        _spoil(ticks, random)
    records[is_tick] = ticks
    return records


def _walk(pairs: numpy.ndarray, random: numpy.random.Generator) -> numpy.ndarray:
    """A walk of each pair by tenths of a pip, in units of 1e-9."""
    bids = numpy.empty(len(pairs), "i8")
    for pair in range(len(PAIRS)):
        mine = pairs == pair
        bids[mine] = (100_000 + pair * 1_000 + numpy.cumsum(random.integers(-3, 4, mine.sum()))) * 10_000
    return bids


def _spoil(ticks: numpy.ndarray, random: numpy.random.Generator) -> None:
    times, flags = ticks["broker_time"], ticks["flags"]
    midnight = times[0] // dataset.DAY * dataset.DAY
    late = numpy.where(random.random(len(ticks)) < 0.2, random.integers(0, 2_000, len(ticks)) * 1_000_000, 0)
    times[:] = numpy.maximum(times - late, midnight)
    chance = random.random(len(ticks))
    flags[chance < 0.002] |= BID_MISSING
    flags[(chance > 0.001) & (chance < 0.003)] |= ASK_MISSING
    inverted = (chance > 0.01) & (chance < 0.02)
    ticks["ask"][inverted] = ticks["bid"][inverted] - 10_000
    flags[inverted] |= INVERTED
    flags[(chance > 0.02) & (chance < 0.022)] |= SNAPSHOT
    flags[(chance > 0.021) & (chance < 0.0215)] |= DUPLICATE
    for pair in numpy.unique(ticks["pair"]):
        mine = numpy.flatnonzero(ticks["pair"] == pair)
        for snapshot in numpy.flatnonzero(flags[mine[1:-1]] & SNAPSHOT) + 1:
            former, here, behind = mine[snapshot - 1 : snapshot + 2]
            if random.random() < 0.5:  # It repeats the last tick,
                for name in ("broker_time", "bid", "ask"):
                    ticks[name][here] = ticks[name][former]
            if random.random() < 0.3:  # and one more comes: at the same time, or older.
                flags[behind] |= SNAPSHOT
                times[behind] = times[here] - random.integers(0, 2) * 1_000_000
    ticks["bid"][flags & BID_MISSING != 0] = 0
    ticks["ask"][flags & ASK_MISSING != 0] = 0
