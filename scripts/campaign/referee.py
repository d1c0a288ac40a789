"""Judges what a campaign left behind: journals, database, a fresh replay, and the market that was played.

    python3 scripts/campaign/referee.py FOLDER

FOLDER holds market/*.csv.gz, state/ and replay/state/. Nothing of the programs takes part in the judgement.
"""

import sqlite3
import sys
import time
from collections import Counter
from pathlib import Path

import candles
import journal
import market

SHOWN = 5
PRICES = [f"{side}_{price}" for side in ("bid", "ask", "mid") for price in ("open", "high", "low", "close")]
# All but publish_time and created_at, which no two runs share.
FOLDED = [*PRICES, "tick_count", "inverted_ticks", "first_tick_time", "last_tick_time"]
JUDGED = ["blind_ms", "lost", "complete", "flags", "source", "rank", "revision", "input_position"]
EVENTS = {
    1: "session new", 2: "session preserved", 3: "session recovered", 4: "session replaced", 5: "updates lost",
    6: "blind began", 7: "blind ended", 8: "instrument refused", 9: "positions skipped",
}  # fmt: skip
PARTIAL = 1
COLUMN = {name: index for index, name in enumerate(FOLDED + JUDGED)}


class Stored:
    """The rows of a database: candles by (pair, timeframe, start), feed events by (position, name)."""

    def __init__(self, path):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        query = f"SELECT i.name, timeframe, open_time, {', '.join(FOLDED + JUDGED)} FROM candle JOIN instrument i ON i.id = instrument_id"
        self.candles = {tuple(row[:3]): row[3:] for row in connection.execute(query)}
        query = "SELECT position, time, receive_time, pair, event, detail, until FROM feed_event ORDER BY position, event DESC"
        self.events = {(row[0], row[4]): row[1:] for row in connection.execute(query)}
        shown = "SELECT pair, timeframe * 60, timestamp FROM candles"
        self.shown_whole = {(p, int(t), int(s)) for p, t, s in connection.execute(shown)}
        self.soundness = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.close()

    @property
    def holes(self):
        """Final stretches of blindness, and the one that is still open at the end."""
        stretches, since = [], None
        for _, _, _, event, start, end in self.events.values():
            if event == "blind began":
                # In the dark it closes the former stretch: nobody tells its end.
                if since is not None:
                    stretches.append((since, start))
                since = start
            elif event == "blind ended":
                since = None
                stretches.append((start, end))
        return candles.Holes(stretches + ([(since, 1 << 62)] if since is not None else []))


class Referee:
    def __init__(self, folder):
        folder = Path(folder)
        self.ticks = journal.read(folder / "state/journal/ticks")
        self.candles = journal.read(folder / "state/journal/candles")
        self.stored = Stored(folder / "state/candlewick.db")
        self.replayed = Stored(folder / "replay/state/candlewick.db")
        self.market = list(market.ticks(folder / "market"))
        self.counted = list(candles.counted(self.ticks.records))
        self.feed_time = max((r.time for r in self.ticks.records if r.kind in (b"TICK", b"CLCK")), default=0)
        self.losses = self._losses()

    def judge(self):
        """Every rule with what breaks it: [(rule, [sentence])]."""
        checks = [
            ("the ticks journal is whole", self.ticks.faults),
            ("the candles journal is whole", self.candles.faults),
            ("every skip of positions is recorded", self.unrecorded_skips()),
            ("the database is sound", [] if self.stored.soundness == "ok" else [self.stored.soundness]),
            ("candles equal the fresh replay's, row for row", _differences(self.stored.candles, self.replayed.candles)),
            ("feed events equal the fresh replay's, row for row", _differences(self.stored.events, self.replayed.events)),
            ("feed events are those of the ticks journal", self.wrong_events()),
            ("no candle has two contents in its journal", self.repeated_candles()),
            ("rows are the last revisions of the candles journal", self.wrong_revisions()),
            ("rows equal the reference fold of the ticks journal", self.wrong_folds()),
            ("the journal holds only ticks that the market sent", self.invented_ticks()),
            ("every tick that is missing lies in a recorded hole", self.unexplained_ticks()),
            ("no hole is longer than what was not seen", self.hidden_ticks()),
            ("every candle shown as whole is the market's", self.wrong_wholes()),
            ("candles tell exactly the holes and losses that touch them", self.wrong_doubts()),
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
        # What a skip hid is told as a hole at its last position, and in the dark that it goes on.
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
        folded = candles.fold(self.counted)
        closed = {
            key: row for key, row in folded.items()
            if (key[2] + key[1]) * candles.SECOND + candles.GRACE <= self.feed_time
        }  # fmt: skip
        return _differences({key: row[: len(FOLDED)] for key, row in self.stored.candles.items()}, closed)

    def invented_ticks(self):
        invented = Counter(self.counted) - Counter(self.market)
        return [f"{tick} {n} times too often" for tick, n in invented.items()]

    def unexplained_ticks(self):
        holes = self.stored.holes
        missing = Counter(self.market) - Counter(self.counted)
        return [
            f"{tick}" for tick in sorted(missing, key=lambda tick: tick[1])
            if tick[1] < self.feed_time and not holes.hold(tick[1]) and not self._is_declared_lost(tick)
        ]  # fmt: skip

    def hidden_ticks(self):
        """Ticks that came while the feed was seen, further inside a hole than its margins reach."""
        margin = 2 * candles.GRACE
        told = [(e[4] + margin, e[5] - margin) for e in self.stored.events.values() if e[3] == "blind ended"]
        inside = candles.Holes(told)
        dark, hidden = True, []
        for r in self.ticks.records:
            if r.kind == b"FEED" and r.flags in (journal.BLIND_BEGAN, journal.BLIND_ENDED):
                dark = r.flags == journal.BLIND_BEGAN
            elif r.kind == b"TICK" and not dark and not r.flags & (journal.SNAPSHOT | journal.RECOVERED):
                if inside.hold(r.time):
                    hidden.append(f"{r.pair} at {moment(r.time)}, position {r.position}")
        return hidden

    def _is_declared_lost(self, tick):
        pair, time = tick[0], tick[1]
        return any(
            p == pair and since - candles.GRACE <= time <= until + candles.GRACE for since, until, p, _ in self.losses)

    def wrong_wholes(self):
        truth = candles.fold(self.market)
        whole = {key: row[: len(FOLDED)] for key, row in self.stored.candles.items() if row[COLUMN["complete"]] == 1}
        faults = _differences(whole, {key: truth[key] for key in whole if key in truth})
        shown = self.stored.shown_whole ^ set(whole)
        return faults + [f"{key}: the view candles and the table differ" for key in shown]

    def wrong_doubts(self):
        holes, losses, faults = self.stored.holes, self.losses, []
        for key, row in self.stored.candles.items():
            pair, timeframe, start = key
            begin, end = start * candles.SECOND, (start + timeframe) * candles.SECOND
            blind = -(-holes.overlap(begin, end) // 1_000_000)
            window = begin - candles.GRACE, end + candles.GRACE
            lost = sum(n for since, t, p, n in losses if p == pair and since <= window[1] and t >= window[0])
            doubtful = blind > 0 or lost > 0
            values = (*row[len(FOLDED) : len(FOLDED) + 3], row[COLUMN["flags"]] & PARTIAL)
            if values != (blind, lost, int(not doubtful), int(doubtful)):
                faults.append(f"{key}: (blind_ms, lost, complete, partial) {values}, told were {blind} ms, {lost} lost")
        return faults

    def _losses(self):
        """(since, until, pair, count): somewhere after the pair's last tick."""
        feed_time, last, losses = 0, {}, []
        for r in self.ticks.records:
            if r.kind != b"FEED":
                feed_time = max(feed_time, r.time)
                if r.kind == b"TICK":
                    last[r.pair] = r.time
            elif r.flags == journal.LOST:
                until = max(r.time, feed_time)
                losses.append((min(last.get(r.pair, until), until), until, r.pair, r.bid))
        return losses


def _differences(have, want):
    faults = [f"{key}: missing, expected {want[key]}" for key in want.keys() - have.keys()]
    faults += [f"{key}: not expected, is {have[key]}" for key in have.keys() - want.keys()]
    faults += [f"{key}: is {have[key]}, expected {want[key]}" for key in have.keys() & want.keys() if have[key] != want[key]]
    return sorted(faults)


def moment(nanos):
    return time.strftime("%d %H:%M:%S", time.gmtime(nanos // candles.SECOND)) + f".{nanos // 1_000_000 % 1000:03}"


def report(folder):
    """Prints holes, figures and every rule; returns (passed, failed)."""
    referee = Referee(folder)
    stretches = [s for s in referee.stored.holes.stretches if s[0] > 0 and s[1] < 1 << 62]
    total = sum(end - start for start, end in stretches) / candles.SECOND
    print(f"holes: {len(stretches)}, together {total:.1f} s of market time (day and time, UTC, from .. until)")
    for start, end in stretches:
        print(f"  {moment(start)} .. {moment(end)}  {(end - start) / candles.SECOND:9.3f} s")
    whole = len(referee.stored.shown_whole)
    print(
        f"ticks {len(referee.counted)}, candles {len(referee.stored.candles)} ({whole} whole), "
        f"feed events {len(referee.stored.events)}, candle records {len(referee.candles.records)}"
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
    good, bad = report(sys.argv[1])
    print(f"{good} passed, {bad} failed")
    sys.exit(1 if bad else 0)
