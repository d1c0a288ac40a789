"""Two collectors of the same pairs, each killed by a seed: what one of them saw whole is whole in the store."""

import random
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import journal
import processes

COLLECTORS = ("main", "eu")
PAIRS = ("EUR_USD", "USD_JPY", "GBP_USD")
SECOND = 1_000_000_000
PARTIAL = 1
SPEED = 60
# Whose whole intervals a run must have, or it shows nothing; after the last demanded kill it goes on so long for them.
CLASSES = ("main", "eu", "main and eu")
CLASSES_SECONDS = 120
ROWS = """
    SELECT i.name, c.timeframe, c.open_time, o.name, c.complete, c.tick_count, c.bid_open, c.bid_high, c.bid_low, c.bid_close,
        c.ask_open, c.ask_high, c.ask_low, c.ask_close, c.mid_open, c.mid_high, c.mid_low, c.mid_close
    FROM candle c JOIN instrument i ON i.id = c.instrument_id JOIN collector o ON o.id = c.collector_id"""
POSITION = """
    SELECT position FROM stream_position JOIN collector ON id = collector_id WHERE name = ? AND stream = 'candles'"""


class SharedPairs:
    def __init__(self, binaries, seed, kills):
        self.random = random.Random(seed)
        self.count = kills
        self.kills = Counter()
        self.folder = Path(tempfile.mkdtemp(prefix="candlewick-shared-pairs."))
        self.pipeline = processes.Pipeline(self.folder, binaries)
        accounts = [word for name in COLLECTORS for word in ("--account", name)]
        self.pipeline.start_simulator(
            ["--start", "2026-05-12T08:00:00", "--rate", "2", "--speed", str(SPEED), "--seed", str(seed), *accounts])
        self.programs = {}

    def start(self, collector, name):
        file = self.folder / f"{collector}.yaml"
        file.write_text(f"collector: {collector}\ntimeframes: [1m, 5m]\n" + processes.settings(PAIRS))
        self.pipeline.environment |= {"CANDLEWICK_CONFIG": str(file), "IG_USERNAME": collector}
        self.programs[collector, name] = self.pipeline.launch(name)
        return self.programs[collector, name]

    def run(self):
        for collector, name in self.stages():
            self.start(collector, name).ready()
        began = self.pipeline.market_time()
        while sum(self.kills.values()) < self.count:
            self.kill_one()
        deadline = time.monotonic() + CLASSES_SECONDS
        while not self.settled(began) >= set(CLASSES):
            if time.monotonic() > deadline:
                raise processes.ProgramError(f"not within {CLASSES_SECONDS} s: whole intervals of each of {CLASSES}")
            self.kill_one()
        moment = self.pipeline.market_time()
        processes.until(
            "both see an interval whole after the last kill", 60, lambda: "main and eu" in self.settled(moment), 0.2)

    @staticmethod
    def stages():
        return [("main", "store-writer")] + [(c, name) for c in COLLECTORS for name in ("aggregator", "ingest-stream")]

    def kill_one(self):
        """After a while, a stage of one collector, now and then all of it, or store-writer."""
        time.sleep(self.random.uniform(0.2, 3))
        collector = self.random.choice(COLLECTORS)
        own = [stage for stage in self.stages() if stage[0] == collector and stage[1] != "store-writer"]
        victims = self.random.choices(
            [[own[0]], [own[1]], own, [("main", "store-writer")]], weights=(2, 4, 2, 2))[0]  # fmt: skip
        for stage in victims:
            if not self.programs[stage].is_alive:
                raise processes.ProgramError(f"{stage} had ended: {self.programs[stage].tail()}")
            self.programs[stage].process.kill()
        for stage in victims:
            self.programs[stage].process.wait()
            self.kills[" ".join(stage)] += 1
        time.sleep(self.random.choice((0, 0.2, self.random.uniform(0, 6))))
        for stage in victims:
            self.start(*stage).ready()

    def end(self):
        """Ends every program in order, once it has stored what the journals hold; returns the faults."""
        codes = {}
        for name in ("ingest-stream", "aggregator"):
            for collector in COLLECTORS:
                codes[collector, name] = self.programs[collector, name].stop()
        for collector in COLLECTORS:
            last = journal.last_record(self.journal(collector)).position
            processes.until(f"{collector} is stored up to {last}", 60, lambda: self.stored(collector) == last, 0.05)  # noqa: B023
        codes["main", "store-writer"] = self.programs["main", "store-writer"].stop()
        return [f"{stage} ended with {code} after SIGTERM" for stage, code in codes.items() if code != 0]

    def journal(self, collector):
        folder = self.pipeline.state if collector == "main" else self.pipeline.state / "collectors" / collector
        return folder / "journal" / "candles"

    def stored(self, collector):
        with closing(self.database()) as database:
            return (database.execute(POSITION, [collector]).fetchone() or [0])[0]

    def database(self):
        return sqlite3.connect(f"file:{self.pipeline.database}?mode=ro", uri=True, timeout=10)

    def judge(self):
        """Faults, and how many intervals both, one and none saw whole."""
        last = {collector: self.last_candles(collector) for collector in COLLECTORS}
        with closing(self.database()) as database:
            rows = {row[:3]: row[3:] for row in database.execute(ROWS)}
        faults, seen = [], Counter()
        for key in sorted({key for candles in last.values() for key in candles}):
            candles = {collector: last[collector][key] for collector in COLLECTORS if key in last[collector]}
            whole = self.whole(candles)
            seen[" and ".join(whole) or "none"] += 1
            best = min(candles, key=lambda name: (candles[name].flags & PARTIAL, -candles[name].ticks, name))  # noqa: B023
            expected = (best, int(best in whole), candles[best].ticks, *candles[best].prices)
            if rows.get(key) != expected:
                faults.append(f"{key}: {rows.get(key)}, expected {expected}")
        faults += [f"{key}: in no journal" for key in rows if not any(key in candles for candles in last.values())]
        faults += [f"no interval was seen whole by {name}: nothing is shown" for name in CLASSES if not seen[name]]
        return faults, seen

    def settled(self, since):
        """Who saw intervals whole that began at a market time or later, if both collectors have a later candle."""
        last = {collector: self.last_candles(collector) for collector in COLLECTORS}
        reached = {collector: {key[:2]: key[2] for key in sorted(last[collector])} for collector in COLLECTORS}
        found = set()
        for key in set().union(*last.values()):
            if key[2] >= since and all(reached[collector].get(key[:2], 0) > key[2] for collector in COLLECTORS):
                found.add(" and ".join(self.whole({c: last[c][key] for c in COLLECTORS if key in last[c]})))
        return found

    @staticmethod
    def whole(candles):
        """The collectors whose candle of an interval is whole."""
        return [collector for collector, candle in candles.items() if not candle.flags & PARTIAL]

    def last_candles(self, collector):
        """Of each interval the last candle of its collector's stream."""
        return {
            (r.pair, r.timeframe, r.start // SECOND): r
            for r in journal.read(self.journal(collector)).records if r.kind == b"CNDL"
        }  # fmt: skip

    def close(self, keep):
        for program in self.programs.values():
            if program.is_alive:
                program.kill()
        self.pipeline.kill_everything()
        if keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder)


def conduct(binaries, seed, kills):
    """Returns the exit code."""
    run, faults = SharedPairs(binaries, seed, kills), ["it did not come to its end"]
    try:
        run.run()
        faults = run.end()
        found, seen = run.judge()
        faults += found
        print(f"{sum(run.kills.values())} kills: {dict(sorted(run.kills.items()))}")
        print(f"intervals seen whole by: {dict(sorted(seen.items()))}")
    except processes.ProgramError as error:
        faults = [str(error)]
    finally:
        run.close(keep=bool(faults))
    for fault in faults[:20]:
        print(f"FAILED  {fault}")
    print(f"{int(not faults)} passed, {int(bool(faults))} failed")
    return 1 if faults else 0
