"""What the campaigns share: a pipeline under fire, its orderly end, the fresh replay, the verdict."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import candles
import journal
import market
import processes
import referee
import stored

# By so many market seconds a right time may be ahead of the answer that the simulator gives after it: it has whole seconds.
AHEAD = 1


class Campaign:
    """A folder with a market and a running pipeline in it; its candles are in a file, or on a server of the caller's.

    busy: for so many hours from its beginning the market does not close.
    """

    def __init__(self, binaries, seed, speed, hours, session=None, busy=3):
        self.folder = Path(tempfile.mkdtemp(prefix="candlewick-campaign."))
        self.binaries = binaries
        self.pairs = market.prepare(self.folder / "market", seed, hours, busy)
        self.pipeline = processes.Pipeline(self.folder, binaries, processes.settings(self.pairs))
        self.session = session
        # How often store-writer was started again because its server was gone; how long after its end; when it is due.
        self.restarts, self.pause, self._due = 0, 0, None
        if session:
            self.pipeline.environment |= session.variables | {"CANDLEWICK_DATABASE": session.uri}
        self.database = session or stored.File(self.pipeline.database)
        files = [w for p in self.pairs for w in ("--ticks", f"{p}={self.folder}/market/{p}.csv.gz")]
        self.pipeline.start_simulator(["--speed", str(speed), "--seed", str(seed), *files])

    def start_stages(self):
        for name in reversed(processes.STAGES):
            self.pipeline.start(name)
            self.await_ready(name)

    def await_ready(self, name):
        """Waits until it serves; a server that is gone meanwhile costs it another life."""
        processes.until(f"{name} is ready", 120, lambda: self.supervise() and self._is_ready(name), 0.02)

    def _is_ready(self, name):
        program = self.pipeline.running[name]
        try:
            return program.is_ready()
        except processes.ProgramError:
            if self.lost_its_server(program):
                return False
            raise

    def supervise(self):
        """Starts store-writer again if it ended with 75, as its unit does; always True."""
        program = self.pipeline.running.get("store-writer")
        if program and self.lost_its_server(program):
            self._due = self._due or time.monotonic() + self.pause
            if time.monotonic() >= self._due:
                self._due, self.restarts = None, self.restarts + 1
                self.pipeline.start("store-writer")
        return True

    def lost_its_server(self, program):
        return bool(self.session) and program.name == "store-writer" and program.process.poll() == 75

    def end(self):
        """Lets all that was sent arrive, ends every program in order; returns exit codes that are not 0."""
        codes = {"ingest-stream": self._end_ingest()}
        self._await_stored(self.pipeline, self.database)
        for name in ("aggregator", "store-writer", "ig-simulator"):
            codes[name] = self.pipeline.running[name].stop()
        return {name: code for name, code in codes.items() if code != 0}

    def _end_ingest(self):
        """Its orderly end is told as the last record, so that the end of the stream can be awaited.

        A wrong time that was believed is taken back first: the market has not come to it yet.
        """
        for _ in range(10):
            program = self.pipeline.running["ingest-stream"]
            program.ready()
            began = self.pipeline.market_time()
            processes.until("the feed is seen, its time is right", 60, lambda: self._is_seen(began), 0.1)
            code = program.stop()
            if journal.last_record(self.pipeline.journal("ticks")).kind == b"FEED":
                return code
            self.pipeline.start("ingest-stream")
        raise processes.ProgramError("ingest-stream does not end with a feed event")

    def _is_seen(self, began):
        """Whether the last heartbeat came after this moment of the market, and none before its time."""
        record = journal.last_record(self.pipeline.journal("ticks"), b"CLCK")
        return record is not None and began < record.time / candles.SECOND <= self.pipeline.market_time() + AHEAD

    def _await_stored(self, pipeline, database):
        last = journal.last_record(pipeline.journal("ticks")).position

        def is_stored():
            self.supervise()
            try:
                return database.rows(f"SELECT 1 AS one FROM feed_event WHERE position = {last}")
            except processes.ProgramError:
                return None

        processes.until(f"the record {last} of the ticks journal is stored", 120, is_stored, 0.05)

    def replay(self):
        """The undisturbed run: fresh processes fold the same ticks journal into a fresh folder, its database a file."""
        fresh = processes.Pipeline(self.folder / "replay", self.binaries, processes.settings(self.pairs))
        shutil.copytree(self.pipeline.journal("ticks"), fresh.journal("ticks"))
        try:
            for name in ("store-writer", "aggregator"):
                fresh.start(name).ready()
            self._await_stored(fresh, stored.File(fresh.database))
            for name in ("aggregator", "store-writer"):
                fresh.running[name].stop()
        finally:
            fresh.kill_everything()

    def verdict(self, faults, figures):
        """Ends everything, replays, judges; adds to the faults that were met. Returns (passed, failed).

        `figures` prints what the campaign counted, between the rules and the faults.
        """
        codes = self.end()
        faults += [f"{name} ended with {code} after SIGTERM" for name, code in codes.items()]
        self.replay()
        passed, failed = referee.report(self.folder, self.binaries, self.session)
        figures()
        for fault in faults[:20]:
            print(f"FAILED  {fault}")
        return passed + (not faults), failed + bool(faults)

    def close(self, keep):
        """Ends all programs; a server is its owner's."""
        self.pipeline.kill_everything()
        if not keep:
            shutil.rmtree(self.folder)


def conduct(run, keep, again=""):
    """Runs a `Chaos` or a `Soak` to its verdict, closes it and says what came out; returns the exit code."""
    passed, failed = 0, 1
    try:
        run.run()
        passed, failed = run.verdict()
    except processes.ProgramError as error:
        print(f"FAILED  {error}")
    finally:
        run.close(keep=failed or keep)
        if failed or keep:
            print(f"kept: {run.campaign.folder}")
    if failed and again:
        print(f"again: {again}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def second_writer(pipeline, name):
    """Starts a second one beside the first; returns what is wrong with how it ends, or None."""
    first = pipeline.running[name]
    second = pipeline.launch(name)
    try:
        code = second.process.wait(20)
    except subprocess.TimeoutExpired:
        second.kill()
        return f"a second {name} ran on beside the first"
    said = second.log.read_text(errors="replace")
    if code != 75 or str(first.pid) not in said:
        return f"a second {name} ended with {code} and did not name process {first.pid}: {said[-300:]}"
    return None if first.is_alive else f"{name} died of a second one"
