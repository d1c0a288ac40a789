"""How soon after the end of its interval a candle can be read, with the real processes: the runs of `close`."""

import concurrent.futures
import datetime
import pathlib
import sys
import time
import urllib.request

import pipeline
import processes
import programs
from records import CODES, PARTIAL, candles_stored, read_candles, read_ticks

READER = pathlib.Path(__file__).with_name("reader.py")
NANOS = 1_000_000_000
TIMEFRAMES = "timeframes: [1m, 5m]\n"
# A Tuesday while London and New York are awake, 10 s before a boundary of 1m and 5m: each run sees the same ticks.
START = "2026-05-12T08:04:50"
START_NANOS = int(datetime.datetime.fromisoformat(START + "+00:00").timestamp()) * NANOS
CURRENCIES = ["EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY"]
PAIRS = [f"{base}_{quote}" for number, base in enumerate(CURRENCIES) for quote in CURRENCIES[number + 1:]]


def market(rates, rate=0):
    """The simulator's arguments for ticks per second of some pairs, and of all others on average."""
    words = [word for pair, own in rates.items() for word in ("--rate-of", f"{pair}={own:.3f}")]
    return ["--speed", "1", "--start", START] + (["--rate", str(rate)] if rate else []) + words


# Both have 300 ticks per second in all.
USUAL = market({"AUD_NZD": 0.5, "CAD_CHF": 0.3, "NZD_CAD": 0.2, "NZD_CHF": 0.1}, rate=12.5)
# Each pair has 0.787 of the one before it, from 64 down to one in ten seconds.
UNEVEN = market({pair: 64 * 0.787**place for place, pair in enumerate(PAIRS)})
OUTAGE = 4
"""Seconds for which the simulator lets no connection in; it keeps a session for 13 s."""
SETTLING = 5 * NANOS
"""So long after its end a candle has its last tick, whatever the line does."""


def at_once(scenarios, seconds):
    """Subjects whose first one starts the runs of all: each needs some percent of a core."""
    pool = concurrent.futures.ThreadPoolExecutor(len(scenarios))
    started = {}

    def subject(name):
        def result():
            if not started:
                started.update({each: pool.submit(run, seconds) for each, run in scenarios.items()})
            return started[name].result()
        return result

    return {name: subject(name) for name in scenarios}


def plain(seconds):
    with pipeline.running(USUAL, configuration=TIMEFRAMES) as running:
        return observed(running, seconds)


def uneven(seconds):
    with pipeline.running(UNEVEN, configuration=TIMEFRAMES) as running:
        return observed(running, seconds)


def ahead(seconds):
    faults = ["--fault", "clock-ahead=1400", "--fault", "jitter=200"]
    with pipeline.running(USUAL + faults, configuration=TIMEFRAMES) as running:
        return observed(running, seconds)


def cut(seconds):
    """Once, a second before a boundary: of 5m if there is time for an interval that is seen whole, or else of 1m."""
    boundary = 310 if seconds >= 400 else 70
    with pipeline.running(USUAL, configuration=TIMEFRAMES) as running:
        moment = START_NANOS + (boundary - 1) * NANOS - ahead_of_host(running)
        return observed(running, min(seconds, boundary + 75), cut_at=moment)


def observed(running, seconds, cut_at=None):
    """Everything that a run shows, each time by this machine's clock in nanoseconds."""
    ahead_before = ahead_of_host(running)
    reader = programs.start([sys.executable, str(READER), str(running.folder), str(seconds)])
    try:
        time.sleep(5)
        stages = [running.running[name] for name in pipeline.STAGES]
        began, used = time.monotonic(), sum(map(pipeline.processor_seconds, stages))
        if cut_at:
            time.sleep(max(0, cut_at - time.time_ns()) / NANOS)
            running.fault(f"outage={OUTAGE}")
        read = programs.finish(reader, seconds + 60)["read"]
    finally:
        programs.stop(reader)
    core = (sum(map(pipeline.processor_seconds, stages)) - used) / (time.monotonic() - began)
    if abs(ahead_of_host(running) - ahead_before) > 5_000_000:
        raise programs.Failed("this machine's clock was set during the run")
    ticks, events = read_ticks(running.journal("ticks"))
    result = {
        "ahead": ahead_before, "core": core, "MiB": sum(map(pipeline.resident_bytes, stages)) / 2**20,
        "ticks": len(ticks), "seconds": (ticks[-1].receive_time - ticks[0].receive_time) / NANOS,
        "candles": timed(read_candles(read), ticks, ahead_before),
        "lacking": lacking(running, ticks), "missing": sum(not is_there for _, _, is_there in read),
    }
    if cut_at:
        result["cut"], result["recovered"] = cut_at, recovery(events, cut_at)
    return result


def ahead_of_host(running):
    """Nanoseconds by which the broker's clock is ahead of ours, as the broker knows it."""
    processes.until("the market runs", 30, lambda: running.simulator_state()["phase"] == "running")
    return running.simulator_state()["aheadNanoseconds"]


def recovery(events, since):
    """The event that ended the cut: its name and when it came."""
    for event in events:
        if event.receive_time > since and event.flags in CODES:
            return {"event": CODES[event.flags], "time": event.receive_time}
    raise programs.Failed("the session was neither recovered nor replaced after the cut")


# MARK: Candles


def timed(messages, ticks, ahead):
    """Each candle whose interval was seen from its begin: its first revision, how soon it was read, and how often it
    was revised."""
    of_pair = {}
    for tick in ticks:
        of_pair.setdefault(tick.pair, []).append(tick)
    found = {}
    for message in messages:
        if message.start < ticks[0].broker_time:
            continue
        if message.key not in found:
            found[message.key] = first_of(message, of_pair[message.pair], ahead)
        candle = found[message.key]
        candle["revisions"] = message.revision - candle["revision"]
        if "complete" not in candle and not message.flags & PARTIAL:
            candle["complete"] = message.read
    return list(found.values())


def first_of(message, ticks, ahead):
    """A candle by its first message. Busy: the next tick of its pair came within a second of the interval's end."""
    end = message.start + message.timeframe * NANOS
    closing = next((tick for tick in ticks if tick.broker_time >= end), None)
    is_own = closing is not None and closing.position == message.input_position
    return {
        "pair": message.pair, "end": end - ahead, "read": message.read, "revision": message.revision,
        "from_end": message.read - (end - ahead),
        "from_tick": message.read - closing.receive_time if is_own else None,
        "is_busy": closing is not None and closing.broker_time < end + NANOS,
    }


def lacking(running, ticks):
    """Rows shown as complete that lack ticks of the journal, or have not as many as the broker counted."""
    counts = {}
    for tick in ticks:
        for seconds in (60, 300):
            key = tick.pair, seconds, tick.broker_time // (seconds * NANOS) * seconds
            counts[key] = counts.get(key, 0) + 1
    brokers = broker_counts(running, (ticks[-1].broker_time - ticks[0].broker_time) // NANOS)
    last = (ticks[-1].broker_time - SETTLING) // NANOS
    rows = [row for row in candles_stored(running.database) if row.is_complete and row.start + row.seconds <= last]
    counted = [[*row.key, row.tick_count, counts.get(row.key), brokers.get(row.key)] for row in rows]
    return {"checked": len(rows), "wrong": [each for each in counted if len(set(each[-3:])) > 1]}


def broker_counts(running, seconds):
    """How many ticks the broker counted in each interval, as its history says."""
    headers = {"X-IG-API-KEY": "simulated", "Content-Type": "application/json"}
    body = b'{"identifier": "simulated", "password": "simulated"}'
    login, _ = ask(running, "session", headers | {"Version": "2"}, body)
    headers |= {"Version": "3", "CST": login["CST"], "X-SECURITY-TOKEN": login["X-SECURITY-TOKEN"]}
    counts = {}
    for pair in PAIRS:
        for resolution, length in [("MINUTE", 60), ("MINUTE_5", 300)]:
            path = f"prices/CS.D.{pair.replace('_', '')}.CFD.IP?resolution={resolution}&pageSize=0&max={seconds // length + 3}"
            for price in ask(running, path, headers)[1]["prices"]:
                start = datetime.datetime.fromisoformat(price["snapshotTimeUTC"] + "+00:00").timestamp()
                counts[pair, length, int(start)] = price["lastTradedVolume"]
    return counts


def ask(running, path, headers, body=None):
    """Headers and body of the broker's reply."""
    request = urllib.request.Request(running.simulator + "/gateway/deal/" + path, body, headers)
    return processes.asked(request)
