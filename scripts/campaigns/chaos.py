"""The kill campaign: SIGKILL for random stages at random moments, a broker that errs, then the referee."""

import argparse
import math
import random
import signal
import sys
import time
from collections import Counter

import campaign
import journal
import postgres
import processes

INGEST, AGGREGATOR, STORE = processes.STAGES
TARGETS = {"all": processes.STAGES, "downstream": (AGGREGATOR, STORE), "ingest": (INGEST,)}
# Market hours are prepared for so many seconds a kill.
SECONDS_PER_KILL = 2.5
# Between two kills the broker errs with this chance, by one of these words. Their effects can be known, unlike that of `drop`.
ERRS = 0.6
ERRORS = ("unsubscribe", "filter", "wrong-heartbeat", "wrong-tick", "short-update", "zombie", "cut", "loop", "forget", "lost")
# Market seconds by which a time is wrong: beyond what a late tick may be, and what a fast clock may leap.
WRONG = (-1_000_000, -3600, 3600, 40_000, 900_000_000)


class Chaos:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.targets = TARGETS[options.mode]
        self.kills = Counter()
        self.errors = Counter()
        self.errs = ERRS
        # The words that have not had their turn, so that a short campaign has all of them.
        self.words = []
        self.limited = set()
        self.faults = []
        self.second_writers = 0
        hours = math.ceil(options.kills * SECONDS_PER_KILL * options.speed / 3600) + 2
        self.server = postgres.Server.fresh() if options.database == "postgresql" else None
        session = self.server and self.server.session()
        self.campaign = campaign.Campaign(options.bin, options.seed, options.speed, hours, session)
        self.pipeline = self.campaign.pipeline
        # Each kind kills for itself, under its name in the table at the end.
        self.kinds = {"at a random moment": (self.one, 4), "while catching up": (self.while_catching_up, 3),
                      "torn tail": (self.torn_tail, 1), "garbled tail": (self.garbled_tail, 0.3)}  # fmt: skip
        if STORE in self.targets:
            self.kinds["in a commit"] = (self.in_commit, 2)
        self.kinds["in a journal write"] = (self.in_journal_write, 2)
        if len(self.targets) > 1:
            self.kinds["all at once"] = (self.all_at_once, 2)
        if self.server:
            self.kinds |= {"the server": (self.server_alone, 2), "the server in a commit": (self.server_in_commit, 3),
                           "the server and all stages": (self.server_and_stages, 1)}  # fmt: skip

    @property
    def count(self):
        return sum(self.kills.values())

    def run(self):
        self.campaign.start_stages()
        began = shown = time.monotonic()
        next_second = 0
        while self.count < self.options.kills:
            names = list(self.kinds)
            kind = self.random.choices(names, [self.kinds[name][1] for name in names])[0]
            self.kinds[kind][0](kind)
            # Mostly at once, at times after some candles.
            time.sleep(self.random.uniform(0, self.random.choice((0.3, 0.3, 4))))
            self.expect_alive()
            if self.random.random() < self.errs:
                self.err()
            if self.count >= next_second:
                self.try_second_writer()
                next_second = self.count + 10
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"{shown - began:5.0f} s  {self.count} kills of {self.options.kills}", flush=True)
        if self.limited:
            self.unlimit()
        print(f"{self.count} kills in {time.monotonic() - began:.0f} s", flush=True)

    # How the broker errs.

    def err(self):
        """A fault in the simulator, by the words of its --help."""
        if self.limited and self.random.random() < 0.5:
            self.unlimit()
        if not self.words:
            self.words = self.random.sample(ERRORS, len(ERRORS))
        word = self.words.pop()
        self.errors[word] += 1
        self.pipeline.fault(word + self.value(word))

    def value(self, word):
        epic = self.epic(self.random.choice(self.campaign.pairs))
        if word == "unsubscribe":
            # Real seconds; ingest-stream asks again a minute after the end, a new process at once.
            return f"={epic}:{self.random.choice((0, 1, 5, 20))}"
        if word == "filter":
            self.limited.add(epic)
            return f"={epic}:{self.random.choice(('0.02', '0.2', '2'))}"
        if word.startswith("wrong-"):
            return f"={self.random.choice(WRONG)}"
        return f"={self.random.randint(1, 5)}" if word == "lost" else ""

    def unlimit(self):
        self.pipeline.fault(" ".join(f"unfilter={epic}" for epic in sorted(self.limited)))
        self.limited.clear()

    @staticmethod
    def epic(pair):
        return f"CS.D.{pair.replace('_', '')}.CFD.IP"

    # How to kill.

    def kill(self, kind, *names):
        # The signals first, then the waiting: they die together.
        programs = [self.pipeline.running[name] for name in names]
        for program in programs:
            if not program.is_alive and not self.campaign.lost_its_server(program):
                self.faults.append(f"{program.name} had ended with {program.process.returncode}: {program.tail()}")
            program.process.kill()
        for program in programs:
            program.process.wait()
        self.kills[kind] += len(programs)

    def revive(self, *names, ready=True):
        order = list(names)
        self.random.shuffle(order)
        for name in order:
            time.sleep(self.random.choice((0, 0, self.random.uniform(0, 0.3))))
            self.pipeline.start(name)
        if ready:
            for name in order:
                self.campaign.await_ready(name)

    def one(self, kind):
        name = self.random.choice(self.targets)
        self.kill(kind, name)
        self.revive(name, ready=self.random.random() < 0.7)

    def all_at_once(self, kind):
        self.kill(kind, *self.targets)
        self.revive(*self.targets)

    def while_catching_up(self, kind):
        """Again and again before it is live."""
        name = self.random.choice(self.targets)
        self.kill(kind, name)
        for _ in range(self.random.randint(1, 2)):
            self.revive(name, ready=False)
            if name == INGEST and self.random.random() < 0.5:
                self.await_growth(self.pipeline.journal("ticks"), "*.journal")
            else:
                time.sleep(self.random.uniform(0, 0.15))
            self.kill(kind, name)
        self.revive(name)

    def in_commit(self, kind):
        self.await_commit()
        self.kill(kind, STORE)
        self.revive(STORE)

    def server_alone(self, kind):
        self.kill_server(kind)
        self.server.start()

    def server_in_commit(self, kind):
        self.await_commit()
        self.server_alone(kind)

    def server_and_stages(self, kind):
        """The stages come back first: store-writer is started again until it finds its server."""
        self.kill_server(kind)
        self.kill(kind, *self.targets)
        self.revive(*self.targets, ready=False)
        time.sleep(self.random.uniform(0, 0.5))
        self.campaign.supervise()
        self.server.start()

    def kill_server(self, kind):
        """SIGKILL, or as an operator does who cannot wait."""
        self.server.stop(self.random.choice((signal.SIGKILL, signal.SIGQUIT)))
        self.kills[kind] += 1

    def in_journal_write(self, kind):
        name = self.writer()
        self.await_growth(self.pipeline.journal(processes.JOURNALS[name]), "*.journal")
        self.kill(kind, name)
        self.revive(name)

    def torn_tail(self, kind):
        """A part of a record, as if the death had come in the middle of a write."""
        self.append_garbage(kind, lambda size: self.random.randint(1, size - 1))

    def garbled_tail(self, kind):
        """More than a record that nobody can read: the writer skips positions."""
        self.append_garbage(kind, lambda size: self.random.randint(size, 5 * size))

    def append_garbage(self, kind, length):
        name = self.writer()
        size = journal.TICK.size if name == INGEST else journal.CANDLE.size
        self.kill(kind, name)
        files = journal.segments(self.pipeline.journal(processes.JOURNALS[name]))
        if files:
            with files[-1].open("ab") as file:
                file.write(self.random.randbytes(length(size)))
        self.revive(name)

    def writer(self):
        return self.random.choice([name for name in self.targets if name in processes.JOURNALS])

    def await_commit(self):
        if self.server:
            self.await_growth(self.server.data / "pg_wal", "0*")
        else:
            self.await_growth(self.pipeline.database.parent, "candlewick.db-wal")

    @staticmethod
    def await_growth(folder, pattern):
        """Waits, spinning, until a file is being written; a quiet market must not hold the campaign up."""

        def state():
            return [(f.stat().st_size, f.stat().st_mtime_ns) for f in sorted(folder.glob(pattern))]

        before, deadline = state(), time.monotonic() + 2
        while state() == before and time.monotonic() < deadline:
            pass

    # What must hold under way.

    def expect_alive(self):
        self.campaign.supervise()
        for name, program in list(self.pipeline.running.items()):
            if not program.is_alive and not self.campaign.lost_its_server(program):
                self.faults.append(f"{name} ended with {program.process.returncode}: {program.tail()}")
                if name != "ig-simulator":
                    self.revive(name)

    def try_second_writer(self):
        name = self.random.choice(processes.STAGES)
        if name == STORE and self.server:
            # The first one may not have met the end of its server yet: it would end beside the second.
            self.kill("before a second one", STORE)
            self.revive(STORE)
        self.campaign.await_ready(name)
        fault = campaign.second_writer(self.pipeline, name)
        self.second_writers += 1
        if fault:
            self.faults.append(fault)

    def verdict(self):
        return self.campaign.verdict(self.faults, self.figures)

    def figures(self):
        for kind, count in sorted(self.kills.items()):
            print(f"killed {kind}: {count}")
        for word, count in sorted(self.errors.items()):
            print(f"the broker erred, {word}: {count}")
        print(f"second writers tried: {self.second_writers}")
        if self.server:
            print(f"store-writer ended with 75 and was started again: {self.campaign.restarts} times")

    def close(self, keep):
        self.campaign.close(keep)
        if self.server and keep:
            self.server.stop()
            print(f"kept: {self.server.folder}")
        elif self.server:
            self.server.remove()


def main():
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--kills", type=int, default=30, help="how many processes are killed (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="of market, victims and moments (default: 1)")
    parser.add_argument("--mode", choices=TARGETS, default="all", help="which stages are killed (default: all)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite",
                        help="where the candles go; a PostgreSQL server of its own is killed too (default: sqlite)")  # fmt: skip
    parser.add_argument("--speed", type=float, default=300, help="market seconds per second (default: 300)")
    parser.add_argument("--keep", action="store_true", help="keep the folder also when all is right")
    options = parser.parse_args()
    return campaign.conduct(
        Chaos(options), options.keep,
        f"scripts/chaos --kills {options.kills} --seed {options.seed} --mode {options.mode} --speed {options.speed:g}"
        f" --database {options.database}")


if __name__ == "__main__":
    sys.exit(main())
