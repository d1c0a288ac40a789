"""The failover campaign: leaders of a PostgreSQL cluster are lost in every way while the pipeline streams; then the referee."""

import argparse
import itertools
import math
import os
import random
import signal
import sys
import time

import campaign
import cluster
import processes

# Market hours are prepared for so many seconds a failover.
SECONDS_PER_FAILOVER = 60
# Records that a leader commits and its replicas never get.
LAG_RECORDS = 20


class Failover:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.faults = []
        self.lines = []
        self.cluster = cluster.Cluster()
        hours = math.ceil(options.times * SECONDS_PER_FAILOVER * options.speed / 3600) + 2
        self.campaign = campaign.Campaign(
            options.bin, options.seed, options.speed, hours, self.cluster.session, busy=hours)
        # As its unit has it.
        self.campaign.pause = 2
        self.kinds = {
            "lost with commits that no replica has": self.lose_commits, "cut off": self.cut_off, "killed": self.kill,
            "switchover": self.switch_over}  # fmt: skip

    def run(self):
        self.campaign.start_stages()
        order = itertools.chain(self.kinds, self.endless())
        for number, kind in zip(range(1, self.options.times + 1), order):
            self.cluster.await_whole()
            self.await_commit(self.cluster.leader(), 1)
            self.fail_over(number, kind)
            self.expect_alive()
        self.cluster.await_whole()

    def endless(self):
        while True:
            yield from self.random.sample(list(self.kinds), len(self.kinds))

    def fail_over(self, number, kind):
        former, restarts = self.cluster.leader(), self.campaign.restarts
        lost = self.kinds[kind](former)
        leader = processes.until("another node leads", 120, lambda: self.other(former), 0.1)
        led = time.monotonic() - self.began
        self.await_commit(leader, 1)
        stored = time.monotonic() - self.began
        self.recover(kind, former)
        said = (f"{number:3}  {former.name} {kind}, {leader.name} leads after {led:.1f} s, candles are stored after {stored:.1f} s, "
                f"{lost} records went back, store-writer started again {self.campaign.restarts - restarts} times")  # fmt: skip
        self.lines.append(said)
        print(said, flush=True)

    def other(self, former):
        self.campaign.supervise()
        leader = self.cluster.leader()
        return leader if leader is not former else None

    def await_commit(self, leader, more):
        """Until store-writer has stored so many more records there."""
        def position():
            self.campaign.supervise()
            try:
                return leader.position()
            except processes.ProgramError:
                return None

        before = processes.until(f"{leader.name} answers", 60, lambda: (position(),) if position() is not None else None, 0.1)[0]
        processes.until(f"records are stored on {leader.name} beyond {before}", 120, lambda: (position() or 0) >= before + more, 0.1)

    # How a leader is lost. Each returns how many records its successor lacks, as far as that is sure.

    def kill(self, leader):
        self.began = time.monotonic()
        leader.kill()
        return 0

    def cut_off(self, leader):
        self.began = time.monotonic()
        leader.cut()
        return 0

    def switch_over(self, leader):
        self.began = time.monotonic()
        self.cluster.switch_over(leader, self.random.choice(self.cluster.replicas()))
        return 0

    def lose_commits(self, leader):
        senders = self.cluster.hold_replicas(leader)
        self.await_commit(leader, LAG_RECORDS)
        lacking = leader.position() - max(node.position() for node in self.cluster.replicas())
        if lacking < LAG_RECORDS:
            self.faults.append(f"only {lacking} records were to be lost")
        self.kill(leader)
        for sender in senders:
            os.kill(sender, signal.SIGKILL)
        return lacking

    def recover(self, kind, former):
        """The former leader comes back, and follows."""
        if kind == "cut off":
            former.heal()
        elif kind != "switchover":
            self.cluster.start_patroni(former)

    def expect_alive(self):
        self.campaign.supervise()
        for name, program in self.campaign.pipeline.running.items():
            if not program.is_alive and not self.campaign.lost_its_server(program):
                raise processes.ProgramError(f"{name} ended with {program.process.returncode}: {program.tail()}")

    # What it comes to.

    def verdict(self):
        return self.campaign.verdict(self.faults, self.figures)

    def figures(self):
        print("\n".join(self.lines))
        print(f"store-writer ended with 75 and was started again: {self.campaign.restarts} times")

    def close(self, keep):
        self.campaign.close(keep)
        self.cluster.close(keep)
        if keep:
            print(f"kept: {self.cluster.folder}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/failover", description=__doc__)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=2, help="how often a leader is lost (default: 2)")
    parser.add_argument("--full", dest="times", action="store_const", const=20, help="20 times")
    parser.add_argument("--seed", type=int, default=1, help="of market and kinds (default: 1)")
    parser.add_argument("--speed", type=float, default=200, help="market seconds per second (default: 200)")
    parser.add_argument("--keep", action="store_true", help="keep the folders also when all is right")
    options = parser.parse_args()
    try:
        run = Failover(options)
    except processes.ProgramError as error:
        print(f"FAILED  the cluster does not start: {error}\n0 passed, 1 failed")
        return 1
    return campaign.conduct(
        run, options.keep, f"scripts/failover --times {options.times} --seed {options.seed} --speed {options.speed:g}")


if __name__ == "__main__":
    sys.exit(main())
