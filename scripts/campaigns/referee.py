"""Judges what a campaign left behind: journals, database, a fresh replay, and the market that was played.

    python3 scripts/campaigns/referee.py FOLDER PROGRAMS [URI]

FOLDER holds market/*.csv.gz, state/ and replay/state/; PROGRAMS is the folder with `candlewick`, whose list of gaps is
judged too. With the URI of a PostgreSQL server its rows are judged, instead of those of state/candlewick.db. Nothing of
the programs takes part in the judgement.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import candles
import journal
import market
import postgres
from stored import FOLDED, FOREVER, JUDGED, File, Stored

SHOWN = 5
EVENTS = {
    1: "session new", 2: "session preserved", 3: "session recovered", 4: "session replaced", 5: "updates lost",
    6: "blind began", 7: "blind ended", 8: "instrument refused", 9: "positions skipped", 10: "clock set back",
    11: "subscription ended", 12: "updates limited", 13: "subscription frozen",
}  # fmt: skip
PARTIAL, SIDE_MISSING = 1, 32
MILLION = 1_000_000
COLUMN = {name: index for index, name in enumerate(FOLDED + JUDGED)}


class Referee:
    def __init__(self, folder, programs, session=None):
        folder = Path(folder)
        self.ticks = journal.read(folder / "state/journal/ticks")
        self.candles = journal.read(folder / "state/journal/candles")
        self.stored = Stored(session or File(folder / "state/candlewick.db"))
        self.replayed = Stored(File(folder / "replay/state/candlewick.db"))
        self.market = list(market.ticks(folder / "market"))
        self.truth = candles.fold(self.market)
        self.fold = candles.Fold(self.ticks.records)
        self.gaps, self.gap_faults = _gaps(folder / "state", Path(programs) / "candlewick", session)

    def judge(self):
        """Every rule with what breaks it: [(rule, [sentence])]."""
        checks = [
            ("the ticks journal is whole", self.ticks.faults),
            ("the candles journal is whole", self.candles.faults),
            ("every skip of positions is recorded", self.unrecorded_skips()),
            ("the database is sound", [self.stored.fault] if self.stored.fault else []),
            ("candles equal the fresh replay's, row for row", _differences(self.stored.candles, self.replayed.candles)),
            ("feed events equal the fresh replay's, row for row", _differences(self.stored.events, self.replayed.events)),
            ("feed events are those of the ticks journal", self.wrong_events()),
            ("no candle has two contents in its journal", self.repeated_candles()),
            ("rows are the last revisions of the candles journal", self.wrong_revisions()),
            ("rows equal the reference fold of the ticks journal", self.wrong_folds()),
            ("the journal holds only ticks that the market sent", self.invented_ticks()),
            ("every tick that is missing lies in a recorded hole", self.unexplained_ticks()),
            ("no hole is longer than what was not seen", self.hidden_ticks()),
            ("every candle shown as complete is the market's", self.wrong_wholes()),
            ("every other interval with ticks is partial, or listed by gaps", self.unlisted_intervals()),
            ("candles report exactly the holes and losses that touch them", self.wrong_doubts()),
        ]
        return checks

    def unrecorded_skips(self):
        told = {(e[4], e[5]) for e in self.stored.events.values() if e[3] == "positions skipped"}
        faults = [f"ticks skip {skip}, no event" for skip in self.ticks.skips if skip not in told]
        # In the candles journal the segment's name is the record.
        return faults + [f"candles skip {skip}" for skip in self.candles.skips if skip[1] != 1 << 32]

    def wrong_events(self):
        expected = {}
        for r in self.ticks.records:
            if r.kind == b"FEED":
                expected[(r.position, EVENTS.get(r.flags))] = (r.time, r.receive_time, r.pair or None, EVENTS.get(r.flags), r.bid, r.ask)
        # A hole at the last skipped position stands for the hidden records; if the feed is blind, that goes on.
        ends = {first + count - 1 for first, count in self.ticks.skips}
        stored = {key: e for key, e in self.stored.events.items() if not (key[0] in ends and key[1].startswith("blind "))}
        return _differences(stored, expected)

    def repeated_candles(self):
        records = [r for r in self.candles.records if r.kind == b"CNDL"]
        revisions = Counter((r.pair, r.timeframe, r.start, r.revision) for r in records)
        inputs = Counter((r.pair, r.timeframe, r.start, r.input) for r in records)
        events = Counter((r.input, r.flags) for r in self.candles.records if r.kind == b"FEED")
        return [f"{key}: {n} times" for group in (revisions, inputs, events) for key, n in group.items() if n > 1]

    def wrong_revisions(self):
        last = {}
        for r in self.candles.records:
            if r.kind == b"CNDL":
                row = (*r.prices, r.ticks, r.inverted, r.first, r.last, r.blind, r.lost)
                last[(r.pair, r.timeframe, r.start // candles.SECOND)] = (*row, r.revision, r.input)
        rows = {key: (*row[: COLUMN["complete"]], *row[COLUMN["revision"] :]) for key, row in self.stored.candles.items()}
        return _differences(rows, last)

    def wrong_folds(self):
        return _differences({key: row[: len(FOLDED)] for key, row in self.stored.candles.items()}, self.fold.closed())

    def invented_ticks(self):
        invented = Counter(self.fold.counted) - Counter(self.market)
        return [f"{tick} {n} times too often" for tick, n in invented.items()]

    def unexplained_ticks(self):
        missing = Counter(self.market) - Counter(self.fold.counted)
        lost = {
            pair: candles.Holes([(since - candles.ORDER_MARGIN, until + candles.ORDER_MARGIN + 1) for since, until in told])
            for pair, told in self.fold.losses.items()
        }  # fmt: skip
        none = candles.Holes([])
        return [
            f"{tick}" for tick in sorted(missing, key=lambda tick: tick[1])
            if tick[1] < self.fold.feed_time and not self.stored.holes(tick[0]).hold(tick[1])
            and not lost.get(tick[0], none).hold(tick[1])
        ]  # fmt: skip

    def hidden_ticks(self):
        """Ticks that came while feed and pair were seen, further inside a hole of either than its margins reach.

        A pair whose updates are limited gets ticks all the time, and is blind: they are not hidden by its hole.
        """
        margin = 2 * candles.ORDER_MARGIN
        inside, pairs = {}, {None} | {pair for pair, *_ in self.market}
        for pair in pairs:
            told = [e[4:6] for e in self.stored.events.values() if e[3] == "blind ended" and e[2] in (None, pair)]
            inside[pair] = candles.Holes([(start + margin, end - margin) for start, end in told])
        dark, hidden = {""}, []
        for r in self.ticks.records:
            if r.kind == b"FEED" and r.flags == journal.BLIND_BEGAN:
                dark.add(r.pair)
            elif r.kind == b"FEED" and r.flags == journal.BLIND_ENDED:
                dark.discard(r.pair)
            elif r.kind == b"TICK" and not dark & {"", r.pair} and not r.flags & (journal.SNAPSHOT | journal.RECOVERED):
                if inside[r.pair].hold(r.time):
                    hidden.append(f"{r.pair} at {moment(r.time)}, position {r.position}")
        return hidden

    def wrong_wholes(self):
        whole = {key: row[: len(FOLDED)] for key, row in self.stored.candles.items() if row[COLUMN["complete"]] == 1}
        faults = _differences(whole, {key: self.truth[key] for key in whole if key in self.truth})
        shown = self.stored.shown_whole ^ set(whole)
        return faults + [f"{key}: the view candles and the table differ" for key in shown]

    def unlisted_intervals(self):
        """Of those in which the market ticked, between the first sight and the last time at which something closed."""
        first, faults = self.stored.first_sight, list(self.gap_faults)
        for key in self.truth:
            begin = key[2] * candles.SECOND
            if first is None or begin < first or not self.fold.is_over(key) or not market.is_open(key[2], key[1]):
                continue
            row = self.stored.candles.get(key)
            told = row[COLUMN["complete"]] == 1 or row[COLUMN["flags"]] & PARTIAL if row else key in self.gaps
            if not told:
                ticks = self.truth[key][COLUMN["tick_count"]]
                faults.append(f"{key} at {moment(begin)}: {ticks} ticks, neither partial nor a gap")
        return faults

    def wrong_doubts(self):
        faults = []
        for key, row in self.stored.candles.items():
            pair, timeframe, start = key
            begin, end = start * candles.SECOND, (start + timeframe) * candles.SECOND
            blind = -(-self.stored.holes(pair).overlap(begin, end) // MILLION)
            if key in self.fold.void:
                blind = timeframe * 1000
            window = begin - candles.ORDER_MARGIN, end + candles.ORDER_MARGIN
            told = self.fold.losses.get(pair, {}).items()
            lost = sum(n for (since, until), n in told if since <= window[1] and until >= window[0])
            lacks = key in self.fold.quotes and candles.lacks_mid(self.fold.quotes[key])
            doubtful = blind > 0 or lost > 0 or lacks
            flags = row[COLUMN["flags"]]
            values = (*row[len(FOLDED) : len(FOLDED) + 3], flags & PARTIAL, flags & SIDE_MISSING)
            if values != (blind, lost, int(not doubtful), int(doubtful), SIDE_MISSING * lacks):
                faults.append(
                    f"{key}: (blind_ms, lost, complete, partial, sideMissing) {values}, told were {blind} ms, {lost} lost")
        return faults


def _gaps(state, program, session):
    """The intervals that `candlewick gaps` lists, and what is wrong with how it ends."""
    environment = os.environ | {"CANDLEWICK_STATE_DIR": str(state)}
    environment.pop("CANDLEWICK_DATABASE", None)
    if session:
        environment |= session.environment | {"CANDLEWICK_DATABASE": session.uri}
    result = subprocess.run(
        [program, "gaps", "--json", "--days", "3660"], env=environment, capture_output=True, text=True, timeout=120)
    if result.returncode != 0:
        return set(), [f"candlewick gaps ended with {result.returncode}: {result.stderr.strip()}"]
    listed = set()
    for gap in json.loads(result.stdout)["gaps"]:
        step = _seconds(gap["timeframe"])
        listed.update((gap["pair"], step, start) for start in range(gap["from"], gap["until"], step))
    return listed, []


def _seconds(timeframe):
    return int(timeframe[:-1]) * {"m": 60, "h": 3600, "d": 86_400}[timeframe[-1]]


def _differences(have, want):
    faults = [f"{key}: missing, expected {want[key]}" for key in want.keys() - have.keys()]
    faults += [f"{key}: not expected, is {have[key]}" for key in have.keys() - want.keys()]
    faults += [f"{key}: is {have[key]}, expected {want[key]}" for key in have.keys() & want.keys() if have[key] != want[key]]
    return sorted(faults)


def moment(nanos):
    return time.strftime("%d %H:%M:%S", time.gmtime(nanos // candles.SECOND)) + f".{nanos // 1_000_000 % 1000:03}"


def report(folder, programs, session=None):
    """Prints holes, figures and every rule; returns (passed, failed)."""
    referee = Referee(folder, programs, session)
    stored = referee.stored
    print("holes (day and time, UTC, from .. until):")
    for pair in (None, *sorted({pair for pair, *_ in referee.market})):
        stretches = [s for s in stored.own_holes(pair).stretches if s[0] > 0 and s[1] < FOREVER]
        total = sum(end - start for start, end in stretches) / candles.SECOND
        print(f"  {pair or 'the whole feed'}: {len(stretches)}, together {total:.1f} s of market time")
        for start, end in stretches:
            print(f"    {moment(start)} .. {moment(end)}  {(end - start) / candles.SECOND:9.3f} s")
    whole = len(stored.shown_whole)
    print(
        f"ticks {len(referee.fold.counted)}, candles {len(stored.candles)} ({whole} complete), gaps {len(referee.gaps)} intervals, "
        f"feed events {len(stored.events)}, candle records {len(referee.candles.records)}"
    )
    failed = 0
    checks = referee.judge()
    for rule, faults in checks:
        print(f"{'FAILED' if faults else 'passed'}  {rule}" + (f": {len(faults)} faults" if faults else ""))
        for fault in faults[:SHOWN]:
            print(f"        {fault}")
        failed += bool(faults)
    return len(checks) - failed, failed


if __name__ == "__main__":
    good, bad = report(*sys.argv[1:3], *map(postgres.Session, sys.argv[3:4]))
    print(f"{good} passed, {bad} failed")
    sys.exit(1 if bad else 0)
