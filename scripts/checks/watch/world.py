"""What the drills of candlewick-watch work with. See scripts/check-watch."""

import contextlib
import threading
import time
from pathlib import Path

import processes
from receiver import Receiver

URL, TOKEN, PING = "token-of-url-51", "token-of-bearer-62", "token-of-ping-73"
HOLD_SECONDS = 3
# A candle takes eight minutes, longer than all drills: none misses one. The first ends soon after the start.
MARKET = ["--seed", "5", "--speed", "30", "--rate", "1", "--start", "2026-05-12T07:55:00"]
SETTINGS = f"""timeframes: [4h]
watch:
  every_seconds: 1
  hold_seconds: {HOLD_SECONDS}
  repeat_minutes: 1
  ping_seconds: 1
"""
# A stage is down after 4 s without its status; then comes the hold, and a second for each of the looks at both ends.
TELL_SECONDS = 4 + HOLD_SECONDS + 8


class World:
    """The pipeline, candlewick-watch and the receiver of its messages, and what the drills do to them."""

    def __init__(self, folder, binaries):
        self.folder = Path(folder)
        self.receiver = Receiver()
        self.watcher = None
        self.got = self.folder / "got"
        self.pipeline = processes.Pipeline(
            self.folder / "pipeline", binaries,
            processes.settings(["EUR_USD", "USD_JPY"]) + SETTINGS + f"  command: '{self._program()}'\n")  # fmt: skip
        credentials = self.folder / "credentials"
        credentials.mkdir(mode=0o700)
        (credentials / "CANDLEWICK_WATCH_PING_URL").write_text(f"{self._url(PING)}\n")
        self.secrets = {
            "CANDLEWICK_WATCH_URL": self._url(URL), "CANDLEWICK_WATCH_TOKEN": f"{TOKEN}\n",
            "CREDENTIALS_DIRECTORY": str(credentials),
        }  # fmt: skip
        self.command_lines = CommandLines()

    def _url(self, token):
        return f"http://127.0.0.1:{self.receiver.port}/{token}"

    def _program(self):
        """Keeps each message and its environment."""
        path = self.folder / "program"
        path.write_text(f"#!/bin/sh\n(cat; env; echo) >> '{self.got}'\nenv > '{self.folder}/environment'\n")
        path.chmod(0o700)
        return path

    def launch(self, name, *arguments):
        """candlewick-watch, or the command that runs it, with the secrets in its environment alone."""
        environment = self.pipeline.environment
        self.pipeline.environment = environment | self.secrets
        try:
            return self.pipeline.launch(name, ["--log-level", "trace", *arguments] if "watch" in name else arguments)
        finally:
            self.pipeline.environment = environment

    def watch(self):
        self.watcher = self.launch("candlewick-watch")
        self.watcher.ready()

    def restart_watch(self):
        self.stop_watch()
        self.watch()

    def stop_watch(self):
        began = time.monotonic()
        code = self.watcher.stop()
        assert code == 0, f"it ended with {code}: {self.watcher.tail()}"
        assert time.monotonic() - began < 5, f"it stopped after {time.monotonic() - began:.1f} s"

    def start_stage(self, name):
        self.pipeline.start(name).ready()

    def stop_stage(self, name):
        self.pipeline.running[name].stop()

    def message(self, number, seconds=TELL_SECONDS):
        """The message of this number, from 0; waits for it."""
        processes.until(f"message {number}", seconds, lambda: len(self.receiver.messages) > number)
        return self.receiver.messages[number][1]

    def no_more(self, count, seconds):
        time.sleep(seconds)
        titles = [message["title"] for _, message in self.receiver.messages[count:]]
        assert not titles, f"told without need: {titles}"

    def logged(self, text):
        """How often the watcher has said it."""
        return self.watcher.log.read_text().count(text)

    def well(self):
        """Forgets what was told, once all is well."""
        processes.until("a ping", 60, lambda: self.receiver.pings and self.is_pinged())
        if self.receiver.messages:
            # The program may get it later; the next drill must not take it for its own.
            last = f'"time":{self.receiver.messages[-1][1]["time"]}'
            processes.until("the program has the last message", 30, lambda: last in self.program_got())
        self.receiver.messages.clear()

    def program_got(self):
        return self.got.read_text() if self.got.exists() else ""

    def is_well(self):
        """Whether the first candle has come, too."""
        status = self.launch("candlewick", "status")
        return status.process.wait(20) == 0

    def is_pinged(self):
        return time.monotonic() - self.receiver.pings[-1][0] < 1.5

    def recover(self):
        """What a drill that failed has left undone shall not fail the next one."""
        self.receiver.answer()
        with contextlib.suppress(processes.ProgramError, OSError):
            for name in processes.STAGES:
                if not self.pipeline.running[name].is_alive:
                    self.start_stage(name)
            if self.watcher and not self.watcher.is_alive:
                self.watch()
            self.well()


class CommandLines:
    """The command lines of all processes, looked at again and again."""

    def __init__(self):
        self.seen = set()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self):
        while True:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())
            time.sleep(0.05)
