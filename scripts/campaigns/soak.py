"""The soak: a long run with a fault every few seconds, then the growth of every process, then the referee."""

import argparse
import math
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import campaign
import processes

# In the simulator, by the words of its --help. What lasts is ended after some seconds.
MOMENTS = ("cut", "close", "loop", "end=31", "end=0", "lost=3", "expire-tokens")
LASTING = ("silence", "silence=noprobe", "refuse-login", "refuse-create=5", "prog-back=40", "slow=200", "refuse-recovery=4")
SAMPLE_SECONDS = 5
# A life is judged from here on: start, caches and the first candles are over.
SETTLED_SECONDS = 120
GROWTH_MEGABYTES = 8
GROWTH_DESCRIPTORS = 4


class Life:
    """What one process used: (seconds since the soak began, resident MB, descriptors)."""

    def __init__(self, program):
        self.program = program
        self.samples = []

    def sample(self, now):
        try:
            pages = int(Path(f"/proc/{self.program.pid}/statm").read_text().split()[1])
            descriptors = len(os.listdir(f"/proc/{self.program.pid}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            return
        self.samples.append((now, pages * os.sysconf("SC_PAGE_SIZE") / 1e6, descriptors))

    def growth(self):
        """Of the medians of the first and the last quarter after settling; None for a short life."""
        settled = [s for s in self.samples if s[0] - self.samples[0][0] >= SETTLED_SECONDS]
        if len(settled) < 8:
            return None
        quarter = len(settled) // 4
        return tuple(_median(settled[-quarter:], i) - _median(settled[:quarter], i) for i in (1, 2))


def _median(samples, index):
    return sorted(s[index] for s in samples)[len(samples) // 2]


class Soak:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        hours = math.ceil(options.seconds * options.speed / 3600) + 2
        self.campaign = campaign.Campaign(options.bin, options.seed, options.speed, hours)
        self.pipeline = self.campaign.pipeline
        self.lives = []
        self.done = Counter()
        self.faults = []

    def run(self):
        self.campaign.start_stages()
        self.began = time.monotonic()
        self.next_sample = self.next_line = 0
        # Nobody dies in the second half, so that a slow growth shows.
        while self.elapsed < self.options.seconds:
            self.wait(self.random.uniform(1, 6))
            deaths = self.elapsed < self.options.seconds / 2
            kinds = [self.moment, self.moment, self.lasting, self.pause, self.second_writer] + [self.kill] * 2 * deaths
            self.random.choice(kinds)()
        self.pipeline.fault("clear")

    @property
    def elapsed(self):
        return time.monotonic() - self.began

    def wait(self, seconds):
        until = self.elapsed + seconds
        while self.elapsed < until:
            if self.elapsed >= self.next_sample:
                self.next_sample = self.elapsed + SAMPLE_SECONDS
                self.measure()
            time.sleep(min(0.2, max(0, until - self.elapsed)))

    def measure(self):
        for name, program in list(self.pipeline.running.items()):
            if not program.is_alive:
                self.faults.append(f"{name} ended with {program.process.returncode}: {program.tail()}")
                if name == "ig-simulator":
                    raise processes.ProgramError("the simulator is gone")
                program = self.pipeline.start(name)
                program.ready()
            life = next((life for life in self.lives if life.program is program), None)
            if life is None:
                life = Life(program)
                self.lives.append(life)
            life.sample(self.elapsed)
        if self.elapsed >= self.next_line:
            self.next_line = self.elapsed + 60
            used = [f"{n} {life.samples[-1][1]:.1f} MB {life.samples[-1][2]} fd" for n, life in self.present()]
            print(f"{self.elapsed:5.0f} s  {sum(self.done.values())} faults  {', '.join(used)}", flush=True)

    def present(self):
        programs = self.pipeline.running
        return [(life.program.name, life) for life in self.lives if programs[life.program.name] is life.program]

    # What goes wrong.

    def moment(self):
        word = self.random.choice(MOMENTS)
        self.done[word] += 1
        self.pipeline.fault(word)

    def lasting(self):
        word = self.random.choice(LASTING)
        self.done[word] += 1
        self.pipeline.fault(word)
        if word.startswith(("prog", "refuse")):
            self.pipeline.fault("cut")
        self.wait(self.random.uniform(2, 10))
        self.pipeline.fault("clear")

    def pause(self):
        name = self.random.choice(processes.STAGES)
        self.done[f"{name} stands still"] += 1
        self.pipeline.running[name].process.send_signal(signal.SIGSTOP)
        self.wait(self.random.uniform(1, 8))
        self.pipeline.running[name].process.send_signal(signal.SIGCONT)

    def kill(self):
        name = self.random.choice(processes.STAGES)
        self.done[f"{name} killed"] += 1
        self.pipeline.running[name].kill()
        self.pipeline.start(name).ready()

    def second_writer(self):
        name = self.random.choice(processes.STAGES)
        self.done[f"a second {name}"] += 1
        fault = campaign.second_writer(self.pipeline, name)
        if fault:
            self.faults.append(fault)

    # What it comes to.

    def close(self, keep):
        self.campaign.close(keep)

    def verdict(self):
        """Returns (passed, failed)."""
        passed, failed = self.campaign.verdict(self.faults, self.figures)
        growing = self.table()
        print(f"{'FAILED' if growing else 'passed'}  no process grows: {', '.join(growing) or 'none'}")
        return passed + (not growing), failed + bool(growing)

    def figures(self):
        for fault, count in sorted(self.done.items()):
            print(f"{count:4} times  {fault}")

    def table(self):
        """Prints each stage's longest life by minutes; returns who grew."""
        growing = []
        for name in (*processes.STAGES, "ig-simulator"):
            life = max((life for life in self.lives if life.program.name == name), key=lambda life: len(life.samples))
            step = max(1, len(life.samples) // 8)
            row = "  ".join(f"{now / 60:4.1f} min {mb:5.1f} MB {fds:3} fd" for now, mb, fds in life.samples[::step])
            print(f"{name:14} {row}")
            growth = life.growth()
            if growth:
                print(f"{name:14} growth after settling: {growth[0]:+.1f} MB, {growth[1]:+.0f} descriptors")
                # The simulator keeps what it sent, for recovery: it is no part of the product.
                if name != "ig-simulator" and (growth[0] > GROWTH_MEGABYTES or growth[1] > GROWTH_DESCRIPTORS):
                    growing.append(name)
        return growing


def _seconds(text):
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    return float(text[:-1]) * unit if unit else float(text)


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--for", dest="seconds", type=_seconds, default="20m", help="how long, such as 90s or 20m (default: 20m)")
    parser.add_argument("--speed", type=float, default=60, help="market seconds per second (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of market and faults (default: 1)")
    parser.add_argument("--keep", action="store_true", help="keep the folder also when all is right")
    options = parser.parse_args()
    return campaign.conduct(Soak(options), options.keep)


if __name__ == "__main__":
    sys.exit(main())
