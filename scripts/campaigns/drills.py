"""What the verdict says in each situation, and how soon: see scripts/drills."""

import argparse
import datetime
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import processes

PAIRS = ("EUR_USD", "GBP_USD", "USD_JPY")
EUR = "CS.D.EURUSD.CFD.IP"
TUESDAY, SATURDAY = "2026-05-12T08:00:00", "2026-05-16T12:00:00"
WELL, DEAD = 0, 69
START_SECONDS = 150
# Program starts are heavy: a few at a time.
starts = threading.Semaphore(3)


class Drill:
    """A situation: how it begins, what is done to it, and what `status` must say."""

    def __init__(self, name, act=None, says="", code=DEAD, within=30, holds=0, simulator=(), waits=True, start=TUESDAY,
                 small_disk=False):
        self.name, self.act, self.says, self.code, self.within = name, act, says, code, within
        # So many seconds it must go on to say so.
        self.holds = holds
        # Whether all must be well first.
        self.simulator, self.waits, self.start, self.small_disk = simulator, waits, start, small_disk


def fault(words):
    return lambda pipeline: pipeline.fault(words)


def end(name):
    return lambda pipeline: pipeline.running[name].stop()


def kill(name):
    return lambda pipeline: pipeline.running[name].kill()


def restart_ingest(pipeline):
    pipeline.running["ingest-stream"].kill()
    pipeline.start("ingest-stream").ready()


def catch_up(pipeline):
    """The aggregator stood still for a while."""
    process = pipeline.running["aggregator"]
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(20)
    os.kill(process.pid, signal.SIGCONT)


def soon(hours):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")


DRILLS = [
    Drill("all is well", says="all is well", code=WELL, holds=60),
    Drill("no byte comes any more", fault("silence=noprobe"), "no heartbeat"),
    Drill("PROBEs come, and nothing else", fault("silence"), "no heartbeat"),
    Drill("the heartbeat alone is silent", fault("silent-item=TRADE:HB.U.HEARTBEAT.IP"), "no heartbeat"),
    Drill("the broker is gone", kill("ig-simulator"), "no heartbeat"),
    Drill("logins are refused", fault("refuse-login expire-tokens end=32"), "(logging in)"),
    Drill("one pair is silent", fault(f"silent-item=CHART:{EUR}:TICK"), "EUR_USD no tick", within=180),
    Drill("one pair is unsubscribed", fault(f"unsubscribe={EUR}"), "EUR_USD blind", within=180),
    Drill("one pair is refused from the start", None, "EUR_USD blind", simulator=("--fault", f"refuse-epic={EUR}"),
          waits=False, within=180),
    Drill("one pair is limited", fault(f"filter={EUR}:0.1"), "EUR_USD", within=180),
    Drill("a stage is down", end("aggregator"), "not running: aggregator"),
    Drill("the disk is nearly full", None, "of disk free", waits=False, small_disk=True),
    Drill("weekend, and no byte comes", fault("silence=noprobe"), "", WELL, holds=60, start=SATURDAY, waits=False),
    Drill("a thin session", None, "", WELL, holds=200, simulator=("--rate", "0.03")),
    Drill("first start, no candle yet", None, "no candle is stored", waits=False),
    Drill("ingest-stream is killed and starts again", restart_ingest, "", WELL, within=30, holds=60),
    Drill("the aggregator catches up", catch_up, "", WELL, within=30, holds=30),
    Drill("this machine's clock is an hour behind", None, "this machine's clock is", WELL, within=150, start=soon(1),
          waits=False),
]


def status(pipeline):
    result = subprocess.run(
        [pipeline.binaries / "candlewick", "status"], env=pipeline.environment, capture_output=True, text=True)
    return result.returncode, result.stdout.split("\n\n")[0] + result.stderr


class Result:
    def __init__(self, drill):
        self.drill, self.seconds, self.said, self.wrong = drill, None, "", None

    def row(self):
        seconds = "-" if self.seconds is None else f"{self.seconds:.0f}"
        return f"| {self.drill.name} | {self.drill.code} | {self.said} | {seconds} |"


def conduct(drill, binaries, keep):
    result = Result(drill)
    folder = Path(tempfile.mkdtemp(prefix="candlewick-drill."))
    pipeline = None
    try:
        if drill.small_disk:
            (folder / "state").mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m,mode=750", "tmpfs", folder / "state"], check=True)
        pipeline = processes.Pipeline(folder, binaries, processes.settings(PAIRS))
        with (folder / "candlewick.yaml").open("a") as file:
            file.write("timeframes: [1m]\n")
        with starts:
            pipeline.start_simulator(["--start", drill.start, *drill.simulator])
            for name in reversed(processes.STAGES):
                pipeline.start(name).ready()
        if drill.waits:
            processes.until("all is well", START_SECONDS, lambda: status(pipeline)[0] == WELL, 1)
        began = time.monotonic()
        if drill.act:
            drill.act(pipeline)
        watch(drill, pipeline, began, result)
    except (processes.ProgramError, OSError, subprocess.CalledProcessError) as error:
        result.wrong = str(error)
    finally:
        if pipeline:
            pipeline.kill_everything()
        if drill.small_disk:
            subprocess.run(["umount", "-l", folder / "state"], check=False)
        if not (keep or result.wrong):
            shutil.rmtree(folder, ignore_errors=True)
    if result.wrong:
        result.wrong += f" (kept: {folder})"
    return result


def watch(drill, pipeline, began, result):
    """Asks until `status` says what it must, and whether it goes on to say so."""
    while True:
        code, text = status(pipeline)
        now = time.monotonic()
        if code == drill.code and drill.says in text:
            break
        if now - began > drill.within:
            result.wrong = f"after {drill.within} s it says {code}: {text.strip()[:300]}"
            return
        time.sleep(1)
    result.seconds, result.said = now - began, text.strip().split("\n")[0].replace("|", "/")
    while time.monotonic() - now < drill.holds:
        code, text = status(pipeline)
        if code != drill.code or drill.says not in text:
            result.wrong = f"after {time.monotonic() - began:.0f} s it says {code}: {text.strip()[:300]}"
            return
        time.sleep(3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only", default="", help="words of the drills' names")
    parser.add_argument("--keep", action="store_true", help="keep all folders")
    options = parser.parse_args()
    drills = [drill for drill in DRILLS if options.only in drill.name]
    with ThreadPoolExecutor(len(drills)) as pool:
        results = list(pool.map(lambda drill: conduct(drill, options.bin, options.keep), drills))
    print("| situation | exit code | what status says first | seconds |\n|---|---:|---|---:|")
    for result in results:
        print(result.row())
    for result in results:
        if result.wrong:
            print(f"FAILED  {result.drill.name}: {result.wrong}")
    failed = sum(1 for result in results if result.wrong)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


sys.exit(main())
