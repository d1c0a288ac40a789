"""A past for new timeframes: kills `candlewick refold --new` and the stages again and again while the pipeline streams;
then every row must be that of a pipeline which had the timeframes from the start."""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import campaign
import candles
import journal
import market
import processes
import stored

BEFORE, AFTER = "[5m, 15m]", "[5m, 15m, 1h, 4h]"
HOURS = 12
# How many days of past there are, each with those hours.
DAYS = 5
DAY = candles.DAY
# A clock record for each of so many ns of a past day.
BEAT = 30 * candles.SECOND


class Refolding:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.folder = Path(tempfile.mkdtemp(prefix="candlewick-refold."))
        self.pairs = market.prepare(self.folder / "market", options.seed, HOURS)
        self.pipeline = processes.Pipeline(self.folder, options.bin, self.settings(BEFORE))
        self.faults, self.results = [], []
        # `while it wrote` are those of refold after which its journal had grown.
        self.kills = {"refold": 0, "while it wrote": 0, "store-writer": 0, "aggregator": 0}
        self.ticks = write_past(self.pipeline.journal("ticks"), self.folder / "market", options.records)

    @property
    def campaign(self):
        """As `campaign.conduct` wants it."""
        return self

    def settings(self, timeframes):
        return processes.settings(self.pairs) + f"timeframes: {timeframes}\n"

    def run(self):
        files = [w for p in self.pairs for w in ("--ticks", f"{p}={self.folder}/market/{p}.csv.gz")]
        self.pipeline.start_simulator(["--speed", str(self.options.speed), *files])
        for name in ("store-writer", "aggregator", "ingest-stream"):
            self.pipeline.start(name).ready()
        self.refold(expected="")
        self.await_stored()
        self.check("a pipeline without new timeframes has none", self.count(3600) + self.count(14400) == 0)
        self.pipeline.configuration.write_text(self.settings(AFTER))
        self.refuse()
        self.restart("aggregator")
        self.kill_all()
        self.refold(expected="")
        self.check("the new timeframes are known", self.known() == ["5m", "15m", "1h", "4h"])
        before = journal.last_record(self.pipeline.journal("refold")).position
        self.refold(expected="")
        again = journal.last_record(self.pipeline.journal("refold")).position
        self.check("a further run makes nothing", before == again)

    def refuse(self):
        """The running aggregator does not fold the new timeframes yet."""
        program = self.pipeline.launch("candlewick", ["refold", "--new"])
        self.check("refold waits for the restart of the aggregator", program.process.wait(60) == 75)

    def kill_all(self):
        """Refold at any moment of its life, and of the stages now and then one."""
        while self.kills["refold"] < self.options.kills:
            former = self.refolded()
            program = self.pipeline.launch("candlewick", ["refold", "--new"])
            time.sleep(self.random.uniform(0, self.options.longest))
            if program.is_alive:
                program.kill()
                self.kills["refold"] += 1
                self.kills["while it wrote"] += self.refolded() > former
            elif program.process.returncode != 0:
                self.faults.append(f"refold ended with {program.process.returncode}: {program.tail()}")
            else:
                # It came to its end: the past is known, and has to be forgotten to go on.
                (self.pipeline.state / "timeframes").write_text("5m\n15m\n")
            if self.random.random() < 0.4:
                self.restart(self.random.choice(("store-writer", "aggregator")))

    def refolded(self):
        """Bytes of the journal."""
        return sum(file.stat().st_size for file in self.pipeline.journal("refold").glob("*.journal"))

    def restart(self, name):
        self.pipeline.running[name].kill()
        self.kills[name] += 1
        self.pipeline.start(name).ready()

    def refold(self, expected):
        program = self.pipeline.launch("candlewick", ["refold", "--new"])
        code, said = program.process.wait(120), program.out.read_text()
        self.check("refold --new ends in silence", code == 0 and said == expected)

    def known(self):
        return (self.pipeline.state / "timeframes").read_text().split()

    def count(self, timeframe):
        rows = stored.File(self.pipeline.database).rows(f"SELECT count(*) FROM candle WHERE timeframe = {timeframe}")
        return rows[0][0]

    def await_stored(self):
        """The past is in the database."""
        processes.until("the past is stored", 120, lambda: self.count(300) >= self.ticks[1], 0.1)

    def await_refolded(self):
        last = journal.last_record(self.pipeline.journal("refold")).position
        query = "SELECT position FROM stream_position WHERE stream = 'refold'"

        def is_stored():
            rows = stored.File(self.pipeline.database).rows(query)
            return rows and rows[0][0] >= last

        processes.until("the refolded candles are stored", 120, is_stored, 0.1)

    def check(self, rule, holds):
        if not holds:
            self.faults.append(rule)
        if not holds or rule not in [former for former, _ in self.results]:
            self.results.append((rule, holds))

    def verdict(self):
        """Ends everything, folds the same journal with all timeframes from the start, compares row by row."""
        self.await_refolded()
        time.sleep(self.options.goes_on)
        for name in ("ingest-stream", "aggregator", "store-writer", "ig-simulator"):
            if name == "store-writer":
                self.await_events(self.pipeline)
            code = self.pipeline.running[name].stop()
            self.check(f"{name} ends in order", code == 0)
        fresh = self.replay()
        have, want = (stored.Stored(stored.File(p.database)).candles for p in (self.pipeline, fresh))
        differing = sorted(key for key in have.keys() | want.keys() if have.get(key) != want.get(key))
        for key in differing[:5]:
            print(f"        {key}: is {have.get(key)}, expected {want.get(key)}")
        made = sum(key[1] in (3600, 14400) for key in want)
        print(f"{self.ticks[0]} ticks of the past, {len(want)} rows, {made} of 1h and 4h; killed: {self.kills}")
        self.check("every row is that of a pipeline which had all timeframes from the start", not differing)
        self.check("there are candles of the new timeframes", made > 50)
        verify = subprocess.run(
            [self.pipeline.binaries / "candlewick", "verify"],
            env=self.pipeline.environment, capture_output=True, text=True, timeout=120)  # fmt: skip
        self.check(f"candlewick verify finds no difference: {verify.stdout.strip()}", verify.returncode == 0)
        for fault in self.faults:
            if fault not in [rule for rule, _ in self.results]:
                self.results.append((fault, False))
        for rule, holds in self.results:
            print(f"{'passed' if holds else 'FAILED'}  {rule}")
        failed = sum(not holds for _, holds in self.results)
        return len(self.results) - failed, failed

    def replay(self):
        fresh = processes.Pipeline(self.folder / "replay", self.options.bin, self.settings(AFTER))
        shutil.copytree(self.pipeline.journal("ticks"), fresh.journal("ticks"))
        try:
            for name in ("store-writer", "aggregator"):
                fresh.start(name).ready()
            self.await_events(fresh)
            for name in ("aggregator", "store-writer"):
                fresh.running[name].stop()
        finally:
            fresh.kill_everything()
        return fresh

    def await_events(self, pipeline):
        """ingest-stream's orderly end is a feed event: once it is stored, all before it is."""
        last = journal.last_record(self.pipeline.journal("ticks"), b"FEED").position
        query = f"SELECT 1 FROM feed_event WHERE position = {last}"
        database = stored.File(pipeline.database)
        processes.until("the end of the stream is stored", 120, lambda: database.rows(query), 0.05)

    def close(self, keep):
        self.pipeline.kill_everything()
        if not keep:
            shutil.rmtree(self.folder)


def write_past(folder, market_folder, limit):
    """A ticks journal of some of the market's own ticks, days earlier; returns how many ticks and 5m candles it has."""
    ticks = sorted(market.ticks(market_folder), key=lambda tick: tick[1])
    ticks = ticks[:: len(ticks) * DAYS // limit + 1]
    records, wanted, count, beat = [], set(), 0, 0
    first = ticks[0][1] - DAYS * DAY
    records.append((b"FEED", b"", first, 0, 0, journal.BLIND_BEGAN))
    records.append((b"FEED", b"", first, 0, first, journal.BLIND_ENDED))
    for day in range(DAYS, 0, -1):
        for pair, tick_time, bid, ask in ticks:
            moment = tick_time - day * DAY
            if moment >= beat:
                records.append((b"CLCK", b"", moment, 0, 0, 0))
                beat = moment + BEAT
            records.append((b"TICK", pair.encode(), moment, bid, ask, 0))
            wanted.add((pair, moment // (300 * candles.SECOND)))
            count += 1
    write_journal(folder, records)
    return count, len(wanted) - len({pair for pair, _ in wanted})


def write_journal(folder, records):
    folder.mkdir(parents=True)
    header = journal.HEADER.pack(b"CWJOURNL", 1, journal.TICK.size, 1, 0)
    data = bytearray(header[:-4] + journal.crc32c(header[:60]).to_bytes(4, "little"))
    for position, (kind, pair, moment, first, second, flags) in enumerate(records, 1):
        raw = journal.TICK.pack(kind, pair, position, moment, moment, first, second, flags, 0)[:-4]
        data += raw + journal.crc32c(raw).to_bytes(4, "little")
    (folder / f"{1:020}.journal").write_bytes(data)


def main():
    parser = argparse.ArgumentParser(prog="scripts/refold-kills", description=__doc__)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--kills", type=int, default=20, help="how often refold is killed (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="of market and moments (default: 1)")
    parser.add_argument("--speed", type=float, default=600, help="market seconds per second (default: 600)")
    parser.add_argument("--records", type=int, default=150_000, help="ticks of the past at most (default: 150000)")
    parser.add_argument("--longest", type=float, default=0.25, help="seconds after which it is killed at the latest")
    parser.add_argument("--goes-on", type=float, default=8, help="seconds that the market goes on at the end")
    parser.add_argument("--keep", action="store_true", help="keep the folder also when all is right")
    options = parser.parse_args()
    command = f"scripts/refold-kills --kills {options.kills} --seed {options.seed}"
    return campaign.conduct(Refolding(options), options.keep, command)


if __name__ == "__main__":
    sys.exit(main())
