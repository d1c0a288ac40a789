"""DBN files of the journal's ticks, read by databento; the archive and the exported file that they are made of."""

import subprocess
import sys
from pathlib import Path

import databento
import journal
import known
import pandas
import pyarrow
import pyarrow.parquet

TOOL = Path(__file__).resolve().parents[3] / "python" / "ticks_to_dbn.py"
UNDEFINED = 2**63 - 1
DAY = 86_400 * 10**9
# A side is missing, and so are both.
ONE_SIDED = (
    (journal.BID_MISSING, 0, 1_084_120_000), (journal.ASK_MISSING, 1_084_100_000, 0),
    (journal.BID_MISSING | journal.ASK_MISSING, 0, 0),
)  # fmt: skip


def columns(ticks, with_pair):
    """The columns of the archive. Source: docs/formats.md § 10."""
    time = pyarrow.timestamp("ns", "UTC")
    table = {
        "position": pyarrow.array([tick.position for tick in ticks], pyarrow.int64()),
        "broker_time": pyarrow.array([tick.time for tick in ticks], time),
        "receive_time": pyarrow.array([tick.receive_time for tick in ticks], time),
        "bid": pyarrow.array([tick.bid for tick in ticks], pyarrow.int64()),
        "ask": pyarrow.array([tick.ask for tick in ticks], pyarrow.int64()),
        "flags": pyarrow.array([tick.flags for tick in ticks], pyarrow.int32()),
    }
    pair = {"pair": pyarrow.array([tick.pair for tick in ticks])} if with_pair else {}
    return pyarrow.table(pair | table)


class TicksTest(known.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = known.FOLDER / "ticks"
        ticks = known.ticks()
        # Two days more, so that positions and dates cross files, and what the simulator does not send.
        last = ticks[-1]
        for place, (flags, bid, ask) in enumerate(ONE_SIDED, 1):
            time = last.time + place * DAY // 2
            ticks.append(last._replace(position=2**32 + last.position + place, time=time, receive_time=time + 7,
                                       bid=bid, ask=ask, flags=flags))  # fmt: skip
        cls.ticks = ticks
        cls.archive = cls.folder / "archive"
        parts = {}
        for tick in ticks:
            date = str(pandas.Timestamp(tick.time, tz="UTC").date())
            parts.setdefault((date, tick.pair), []).append(tick)
        for (date, pair), part in parts.items():
            folder = cls.archive / f"date={date}" / f"pair={pair}"
            folder.mkdir(parents=True)
            # As many files as batches of an archiver.
            for at in range(0, len(part), 1_000):
                path = folder / f"part-{part[at].position:020}.parquet"
                pyarrow.parquet.write_table(columns(part[at : at + 1_000], False), path, compression="zstd")
        cls.file = cls.folder / "ticks.parquet"
        pyarrow.parquet.write_table(columns(ticks, True), cls.file, row_group_size=5_000)

    def make(self, source, output, *arguments):
        path = self.folder / output
        subprocess.run(
            [sys.executable, TOOL, source, "--output", path, *arguments], check=True, stdout=subprocess.DEVNULL
        )
        return databento.DBNStore.from_file(path)

    def read(self, store):
        """What databento has of each record, times and prices as whole numbers."""
        frame = store.to_df(price_type="fixed", pretty_ts=False).reset_index()
        self.assertEqual(set(frame["action"]) | set(frame["side"]), {"M", "N"})
        self.assertEqual(set(frame["price"]), {UNDEFINED})
        names = ["symbol", "sequence", "ts_event", "ts_recv", "bid_px_00", "ask_px_00"]
        rows = list(zip(*(frame[name].tolist() for name in names)))
        snapshots = [bool(flags & 32) for flags in frame["flags"]]
        self.assertTrue(all(flags & 128 for flags in frame["flags"]))
        return rows, snapshots

    def expect(self, store, ticks):
        rows, snapshots = self.read(store)
        self.assertEqual(len(rows), len(ticks))
        self.assert_same(rows, [
            (tick.pair, tick.position % 2**32, tick.time, tick.receive_time,
             UNDEFINED if tick.flags & journal.BID_MISSING else tick.bid,
             UNDEFINED if tick.flags & journal.ASK_MISSING else tick.ask) for tick in ticks
        ])  # fmt: skip
        self.assert_same(snapshots, [bool(tick.flags & journal.SNAPSHOT) for tick in ticks])
        self.assertEqual(store.schema, "mbp-1")

    def test_an_archive_of_all_pairs_is_read_to_the_last_unit(self):
        self.assertGreater(len(self.ticks), 2_000)
        self.assertEqual(len({tick.pair for tick in self.ticks}), 2)
        self.expect(self.make(self.archive, "all.dbn.zst"), self.ticks)

    def test_an_exported_file_is_read_to_the_last_unit(self):
        self.expect(self.make(self.file, "file.dbn"), self.ticks)

    def test_pair_and_days_are_chosen(self):
        day = pandas.Timestamp(self.ticks[-1].time, tz="UTC").floor("D")
        for source in (self.archive, self.file):
            store = self.make(source, "some.dbn", "--pair", "USD_JPY", "--until", str(day.date()))
            self.expect(store, [t for t in self.ticks if t.pair == "USD_JPY" and t.time < day.value])
            store = self.make(source, "late.dbn", "--since", str(day.date()))
            self.expect(store, [t for t in self.ticks if t.time >= day.value])

    def test_floats_of_databento_are_the_prices(self):
        frame = self.make(self.archive, "all.dbn").to_df()
        for side in ("bid", "ask"):
            known = [value for value in zip(frame[f"{side}_px_00"], self.ticks) if value[0] == value[0]]
            self.assertGreater(len(known), 2_000)
            self.assertTrue(all(price == getattr(tick, side) / 10**9 for price, tick in known))

    def test_what_is_no_tick_is_left_out(self):
        table = columns(self.ticks[:10], True)
        events = pyarrow.array([""] * 9 + ["session new"])
        pyarrow.parquet.write_table(table.append_column("event", events), self.folder / "events.parquet")
        self.expect(self.make(self.folder / "events.parquet", "events.dbn"), self.ticks[:9])

    def test_a_wrong_pair_is_said_and_leaves_no_file(self):
        output = self.folder / "none.dbn"
        command = [sys.executable, TOOL, self.archive, "--output", output, "--pair", "EUR_CHF"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^ticks_to_dbn: .* has no such tick\n$")
        self.assertFalse(output.exists())
        self.assertEqual(list(self.folder.glob("*.part")), [])
