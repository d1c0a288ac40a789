"""Situations in which somebody must be woken, or nobody: pipelines that a real Prometheus watches."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import processes

PAIRS = ("EUR_USD", "GBP_USD", "USD_JPY", "AUD_USD")
EUR = "CS.D.EURUSD.CFD.IP"
TUESDAY, SATURDAY = "2026-05-12T08:00:00", "2026-05-16T12:00:00"
DISK = 400 << 20
LOGIN = 125
# Pipelines that run at a time without --full: two cores carry these, and short durations bear no load that is higher.
AT_A_TIME = 8


class Drill:
    """What is done to a pipeline, and the alerts that page for it: these and no others.

    within: seconds until the first page, with real durations and with short ones; none if nobody may be woken, for the
    seconds of `holds`, real and short.
    """

    def __init__(self, name, act=None, pages=(), within=None, holds=(420, 45), start=TUESDAY, simulator=((), ()), age=0,
                 short_pages=None):  # fmt: skip
        self.name, self.act, self.within, self.holds = name, act, within, holds
        self.pages, self.short_pages = set(pages), set(pages if short_pages is None else short_pages)
        self.start, self.simulator = start, simulator
        # Seconds that ingest-stream must have run: until then the rules give it time to log in.
        self.age = age
        self.instance = name.replace(" ", "-").replace(",", "")

    def seconds(self, is_full):
        """How long it takes at most, once its pipeline runs."""
        form = 0 if is_full else 1
        return self.age + (self.within[form] if self.within else 0) + self.holds[form]


def fault(words):
    return lambda pipeline, _: pipeline.fault(words)


def end(*names):
    def act(pipeline, _):
        for name in names:
            pipeline.running[name].kill()

    return act


def unsubscribe(pipeline, is_full):
    """The broker ends a subscription. After a minute, when ingest-stream tries again, it refuses it, or takes it again."""
    pipeline.fault(f"unsubscribe={EUR}" if is_full else f"unsubscribe={EUR}:50")


def change_password(pipeline, _):
    """The broker does not take the old one any more."""
    pipeline.running["ingest-stream"].stop()
    pipeline.environment["IG_PASSWORD"] = "outdated"
    pipeline.start("ingest-stream")


def fill_disk(pipeline, _):
    subprocess.run(["fallocate", "-l", str(DISK - (30 << 20)), pipeline.state / "filler"], check=True)


def restart_all(pipeline, is_full):
    """One program after the other is away for a while, and comes back."""
    for name in ("ingest-stream", "aggregator", "store-writer", "candlewick-web"):
        pipeline.running[name].stop()
        time.sleep(60 if is_full else 5)
        start(pipeline, name)


DRILLS = [
    Drill("the feed is dead", fault("silence=noprobe"), ["CandlewickFeedDead"], (60, 60), age=LOGIN),
    Drill("the broker is gone", end("ig-simulator"), ["CandlewickFeedDead"], (60, 60), age=LOGIN),
    Drill("logins fail", fault("refuse-login expire-tokens end=32"), ["CandlewickFeedDead"], (90, 90), age=LOGIN),
    Drill("the login is refused for good", change_password, ["CandlewickLoginRefused"], (60, 60),
          simulator=(("--password", "simulated"),) * 2),
    Drill("one pair is silent", fault(f"silent-item=CHART:{EUR}:TICK"), ["CandlewickPairSilent"], (460, 220)),
    # With real durations the refusal comes first, and mutes the other alert.
    Drill("one pair is unsubscribed", unsubscribe, ["CandlewickInstrumentRefused"], (90, 45),
          short_pages=["CandlewickPairUnsubscribed"]),
    Drill("one pair is limited", fault(f"filter={EUR}:0.1"), ["CandlewickPairBlind"], (120, 80)),
    Drill("the disk is nearly full", fill_disk, ["CandlewickDiskFull"], (370, 120)),
    Drill("a stage is down", end("aggregator"), ["CandlewickStageDown"], (190, 90)),
    Drill("the window is dead", end("candlewick-web"), ["CandlewickBoxDead"], (190, 90)),
    Drill("the box is dead", end("candlewick-web", "ingest-stream", "aggregator", "store-writer", "ig-simulator"),
          ["CandlewickBoxDead"], (190, 90)),
    Drill("all is well", holds=(900, 150)),
    Drill("weekend, and no byte comes", fault("silence=noprobe"), start=SATURDAY, holds=(900, 120)),
    # Shorter durations need a session that is less thin, for a pair's silence of 90 s counts in both.
    Drill("a thin session", holds=(900, 150), simulator=(("--rate", "0.03"), ("--rate", "0.1"))),
    Drill("each program restarts", restart_all, holds=(600, 60)),
]  # fmt: skip


class Result:
    def __init__(self, drill):
        self.drill, self.seconds, self.pages, self.warns, self.wrong = drill, None, [], [], ""

    @property
    def line(self):
        when = "silent" if self.seconds is None else f"{self.seconds:.0f} s: {', '.join(self.pages)}"
        warns = f" (warnings: {', '.join(self.warns)})" if self.warns else ""
        return f"{self.drill.name}: {self.wrong or when}{warns}"


def start(pipeline, name):
    """Also candlewick-web, which keeps its port over a restart."""
    facts = pipeline.start(name).ready()
    if name == "candlewick-web" and not hasattr(pipeline, "address"):
        pipeline.address = facts["address"].removeprefix("http://")
        text = pipeline.configuration.read_text().replace("'127.0.0.1:0'", f"'{pipeline.address}'")
        pipeline.configuration.write_text(text)


def begin(drill, folder, binaries, is_full):
    """Starts the drill's pipeline."""
    home = Path(folder) / drill.instance
    # A disk of its own: how full this machine's is does not matter.
    (home / "state").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=750", "tmpfs", home / "state"], check=True)
    # Where the stages are down nobody knows the simulated time, and today may be a Sunday.
    hours = "fx" if drill.start == SATURDAY else "always"
    pairs = [f"{{pair: {pair}, hours: {hours}}}" for pair in PAIRS]
    settings = processes.settings(pairs) + "timeframes: [1m]\nweb:\n  listen: '127.0.0.1:0'\n"
    pipeline = processes.Pipeline(home, binaries, settings)
    simulator = drill.simulator[0 if is_full else 1]
    try:
        pipeline.start_simulator(["--start", drill.start, *simulator])
        for name in ("store-writer", "aggregator", "ingest-stream", "candlewick-web"):
            start(pipeline, name)
    except BaseException:
        pipeline.kill_everything()
        raise
    return pipeline


def conduct(result, pipeline, watchers, is_full):
    """Does what the drill does, waits for its page, and then for others that may not come."""
    drill, received = result.drill, watchers.receiver.received
    form = 0 if is_full else 1
    time.sleep(max(0, pipeline.running["ingest-stream"].started + drill.age - time.monotonic()))
    early = [alert["labels"]["alertname"] for _, alert in received("/page", drill.instance)]
    if early:
        raise processes.ProgramError(f"paged before anything happened: {', '.join(early)}")
    began = time.monotonic()
    if drill.act:
        drill.act(pipeline, is_full)
    if drill.pages:
        calls = processes.until("a page", drill.within[form], lambda: received("/page", drill.instance), 0.2)
        result.seconds = calls[0][0] - began
    time.sleep(drill.holds[form])
    result.pages, result.warns = (
        sorted({alert["labels"]["alertname"] for _, alert in received(path, drill.instance)})
        for path in ("/page", "/warn")
    )
    wanted = drill.pages if is_full else drill.short_pages
    if set(result.pages) != wanted:
        result.wrong = f"pages are {result.pages}, not {sorted(wanted)}"


class World:
    """The pipelines and what watches them."""

    def __init__(self, drills, folder, options, watchers):
        self.folder, self.options, self.watchers = folder, options, watchers
        # The longest first, so that none is left alone at the end.
        self.drills = sorted(drills, key=lambda drill: -drill.seconds(options.full))
        self.pipelines = {}
        # Its threads live as long as the programs, which end with the thread that started them.
        self.pool = ThreadPoolExecutor(len(drills) if options.full else AT_A_TIME)

    def conduct(self):
        """The results, the longest drills first."""
        return self.pool.map(self.result, self.drills)

    def result(self, drill):
        result = Result(drill)
        try:
            pipeline = self.pipelines[drill.name] = begin(drill, self.folder, self.options.bin, self.options.full)
            self.watchers.watch(drill.instance, pipeline.address)
            seen = f'candlewick:heartbeat_age_seconds{{instance="{drill.instance}"}}'
            processes.until("Prometheus sees the pipeline", 90, lambda: self.watchers.query(seen), 0.5)
            conduct(result, pipeline, self.watchers, self.options.full)
        except (processes.ProgramError, OSError, subprocess.CalledProcessError) as error:
            result.wrong = str(error)
        if drill.pages:
            self.end(drill)
        return result

    def end(self, drill):
        self.watchers.forget(drill.instance)
        if drill.name in self.pipelines:
            self.pipelines.pop(drill.name).kill_everything()
        state = Path(self.folder) / drill.instance / "state"
        subprocess.run(["umount", "-l", state], check=False, stderr=subprocess.DEVNULL)

    def stop(self):
        self.pool.shutdown(wait=False, cancel_futures=True)
        for drill in self.drills:
            if drill.name in self.pipelines:
                self.end(drill)
