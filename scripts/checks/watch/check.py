"""Drills candlewick-watch with a simulated pipeline. See scripts/check-watch."""

import argparse
import sys
import tempfile
import time

import processes
from world import HOLD_SECONDS, MARKET, PING, TELL_SECONDS, TOKEN, URL, World


class Check(World):
    def __init__(self, folder, binaries):
        super().__init__(folder, binaries)
        self.passed = self.failed = 0

    def drill(self, name, body):
        try:
            body()
            self.passed += 1
            print(f"PASS {name}", flush=True)
        except (AssertionError, processes.ProgramError, OSError) as error:
            self.failed += 1
            said = self.watcher.tail() if self.watcher else ""
            print(f"FAIL {name}: {error}\n{said}", flush=True)
            self.recover()

    # The drills

    def tests_every_way(self):
        for name, arguments in (("candlewick-watch", ["--test"]), ("candlewick", ["watch", "--test"])):
            told = self.launch(name, *arguments)
            code = processes.until("the test ends", 30, lambda told=told: told.process.poll() is not None and told)
            lines = told.out.read_text().splitlines()
            assert (code.process.returncode, lines) == (0, ["webhook: sent", "command: sent", "ping: sent"]), lines
        assert [message["state"] for _, message in self.receiver.messages] == ["ok", "ok"]
        self.receiver.manner = 500
        refused = self.launch("candlewick-watch", "--test")
        processes.until("the test ends", 30, lambda: refused.process.poll() is not None)
        self.receiver.manner = 200
        assert refused.process.returncode == 69, refused.process.returncode
        assert "webhook: failed: HTTP status 500" in refused.out.read_text()
        assert "HTTP status 500" not in refused.tail(), refused.tail()
        self.receiver.messages.clear()
        self.receiver.pings.clear()

    def tells_a_failed_unit(self):
        told = self.launch("candlewick-watch", "--failed", "candlewick-aggregator.service")
        processes.until("it ends", 30, lambda: told.process.poll() is not None)
        assert told.process.returncode == 0, told.tail()
        assert self.message(0)["appeared"][0]["subject"] == "candlewick-aggregator.service"
        self.receiver.messages.clear()

    def says_what_to_set(self):
        self.pipeline.configuration.write_text(processes.settings(["EUR_USD", "USD_JPY"]))
        nobody = self.pipeline.launch("candlewick-watch")
        processes.until("it ends", 30, lambda: nobody.process.poll() is not None)
        assert nobody.process.returncode == 78, nobody.process.returncode
        assert "CANDLEWICK_WATCH_URL" in nobody.tail() and "watch.command" in nobody.tail(), nobody.tail()
        told = self.pipeline.launch("candlewick-watch", ["--failed", "candlewick-aggregator.service"])
        processes.until("it ends", 30, lambda: told.process.poll() is not None)
        assert told.process.returncode == 0, told.tail()

    def pings_while_well(self):
        processes.until("all is well", 90, self.is_well)
        self.watch()
        processes.until("three pings", 40, lambda: len(self.receiver.pings) >= 3)
        self.no_more(0, 3)

    def tells_once(self):
        self.stop_stage("aggregator")
        self.down = time.monotonic()
        first = self.message(0)
        assert first["state"] == "failed" and first["host"], first
        assert [finding["check"] for finding in first["appeared"]] == ["stages"], first
        assert first["appeared"][0]["advice"], first
        pings = len(self.receiver.pings)
        self.no_more(1, 5)
        assert len(self.receiver.pings) == pings, "it pings while a stage is down"

    def tells_that_all_is_well(self):
        self.start_stage("aggregator")
        second = self.message(1)
        assert (second["state"], second["appeared"], second["still"]) == ("ok", [], []), second
        assert "all is well again after" in second["text"], second
        ended = second["ended"][0]
        assert 5 <= ended["until"] - ended["since"] <= time.monotonic() - self.down, ended
        self.well()

    def restart_wakes_nobody(self):
        for name in ("store-writer", "aggregator"):
            self.stop_stage(name)
            self.start_stage(name)
        self.no_more(0, HOLD_SECONDS + 4)
        self.well()

    def repeats(self):
        self.pipeline.fault("silence=noprobe")
        first = self.message(0, 11 + TELL_SECONDS)
        assert first["appeared"][0]["check"] == "feed", first
        began = self.receiver.messages[0][0]
        again = self.message(1, 60 + TELL_SECONDS)
        passed = self.receiver.messages[1][0] - began
        assert passed >= 58, f"it was repeated after {passed:.1f} s"
        assert (again["appeared"], again["ended"]) == ([], []), again
        assert again["still"][0]["finding"] != first["appeared"][0]["finding"], "its numbers did not change"
        self.pipeline.fault("clear")
        processes.until("all is well again", 90, lambda: self.receiver.messages[-1][1]["state"] == "ok")
        told = [message for _, message in self.receiver.messages]
        for which in ("appeared", "ended"):
            feeds = [finding for message in told for finding in message[which] if finding["check"] == "feed"]
            assert len(feeds) == 1, f"{which}: {feeds}"
        self.well()

    def outlives_a_receiver_that_is_down(self):
        well = self.logged("all is well again")
        self.receiver.close()
        self.stop_stage("aggregator")
        processes.until("tries", 40, lambda: self.logged("trying again") >= 3)
        assert self.logged("trying again") < 6, f"{self.logged('trying again')} tries in some seconds"
        self.start_stage("aggregator")
        processes.until("all is well", 40, lambda: self.logged("all is well again") > well)
        self.receiver.open()
        only = self.message(0, 70)
        assert only["state"] == "ok" and only["ended"][0]["check"] == "stages", only
        self.no_more(1, 3)
        self.well()

    def outlives_a_restart(self):
        self.stop_stage("aggregator")
        self.message(0)
        # A stop that cuts off a receiver's answer sends the message again.
        memory = self.pipeline.state / "watch" / "memory.json"
        processes.until("it is known as sent", 15, lambda: '"pending":{}' in memory.read_text())
        self.restart_watch()
        self.no_more(1, 4 + HOLD_SECONDS + 2)
        self.stop_watch()
        self.start_stage("aggregator")
        self.watch()
        assert self.message(1)["ended"][0]["check"] == "stages"
        self.well()

    def outlives_a_receiver_that_hangs(self):
        self.receiver.manner = "hang"
        self.got.unlink(missing_ok=True)
        self.stop_stage("aggregator")
        processes.until("the program is told", TELL_SECONDS, lambda: "not running" in self.program_got())
        self.start_stage("aggregator")
        processes.until("the end is told", TELL_SECONDS, lambda: "all is well again" in self.program_got())
        self.stop_watch()
        self.receiver.answer()
        self.watch()
        only = self.message(0, 40)
        assert only["state"] == "ok" and only["ended"][0]["check"] == "stages", only
        self.well()

    def keeps_secrets(self):
        self.stop_watch()
        heads = "\n".join(self.receiver.heads)
        for secret in (f"POST /{URL}", f"Bearer {TOKEN}", f"GET /{PING}"):
            assert secret in heads, f"{secret} was never sent"
        places = {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        places.pop(str(self.folder / "credentials" / "CANDLEWICK_WATCH_PING_URL"))
        places |= {f"command line of {line[:60]!r}": line for line in self.command_lines.seen}
        assert any(b"candlewick-watch" in line for line in self.command_lines.seen)
        assert str(self.got) in places and str(self.folder / "environment") in places
        assert str(self.pipeline.state / "watch" / "memory.json") in places
        found = [
            f"{secret} in {name}"
            for name, content in places.items()
            for secret in (URL, TOKEN, PING)
            if secret.encode() in content
        ]
        assert not found, found

    def run(self):
        self.pipeline.start_simulator(MARKET)
        for name in reversed(processes.STAGES):
            self.start_stage(name)
        self.drill("--test sends over every way, and says which failed", self.tests_every_way)
        self.drill("a failed unit is told", self.tells_a_failed_unit)
        self.drill("pings come while all is well, and no message", self.pings_while_well)
        self.drill("a stage that is down is told once, and ends the pings", self.tells_once)
        self.drill("the end is told once, with its duration", self.tells_that_all_is_well)
        self.drill("a restart of stages wakes nobody", self.restart_wakes_nobody)
        self.drill("a receiver that is down gets one message once it is back", self.outlives_a_receiver_that_is_down)
        self.drill("a restart of candlewick-watch tells nothing twice and forgets no end", self.outlives_a_restart)
        self.drill("a receiver that hangs delays no look, no other way and no stop", self.outlives_a_receiver_that_hangs)
        self.drill("a dead feed is told once however its numbers change, and repeated after a minute", self.repeats)
        self.drill("no secret is in any file, command line or environment of a program", self.keeps_secrets)
        self.drill("without a way it ends with 78 and says what to set", self.says_what_to_set)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the folder of the programs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="candlewick-watch.") as folder:
        check = Check(folder, options.bin)
        try:
            check.run()
        finally:
            check.pipeline.kill_everything()
            if check.watcher:
                check.watcher.kill()
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed or not check.passed else 0


sys.exit(main())
