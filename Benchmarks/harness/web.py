"""candlewick-web at work: candles by HTTP, requests a second, and event streams."""

import contextlib
import decimal
import os
import pathlib
import shutil
import signal
import socket
import tempfile
import time
import urllib.request

import closing
import pipeline
import processes
import programs
import records
import servers
import table

LISTEN = "web:\n  listen: '127.0.0.1:0'\n"
COUNT, WARM_UP = 500, 100
CONNECTIONS, TRIED = 16, 200
STREAMS = [0, 20, 200]
SERIES = [(pair, timeframe) for pair in servers.PAIRS for timeframe in ("5", "15")]
TARGET = "/api/v1/candles/{}/{}?count=200&selection=complete"


# MARK: Servers


@contextlib.contextmanager
def ours(state):
    """candlewick-web on the database of a folder, once it has seen the whole of it for the first time; its port."""
    with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
        site = processes.Pipeline(pathlib.Path(folder) / "site", programs.BINARIES, LISTEN)
        site.environment["CANDLEWICK_STATE_DIR"] = str(state)
        program = site.start("candlewick-web")
        try:
            port = port_of(program)
            processes.until("candlewick-web has seen the database", 60, lambda: answers(port, "/api/v1/status"))
            yield port
        finally:
            program.stop()


def port_of(program):
    return int(program.ready()["address"].rsplit(":", 1)[1])


@contextlib.contextmanager
def nginx(content):
    """nginx with one worker that serves a file of these bytes for every path; its port."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise programs.LeftOut("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="cw-bench-") as folder:
        port = free_port()
        (pathlib.Path(folder) / "candles").write_bytes(content)
        temporary = "".join(f"{name}_temp_path {folder}/temp; " for name in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = pathlib.Path(folder) / "nginx.conf"
        configuration.write_text(
            f"worker_processes 1; pid {folder}/pid; error_log {folder}/log; daemon off; master_process off;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary} sendfile on; tcp_nopush on; keepalive_requests 1000000;\n"
            f"server {{ listen 127.0.0.1:{port}; root {folder}; default_type application/json;\n"
            "location / { try_files /candles =404; } } }\n")
        process = programs.start([program, "-c", str(configuration), "-e", f"{folder}/log"])
        try:
            processes.until("nginx serves", 10, lambda: answers(port))
            yield port
        finally:
            programs.stop(process)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answers(port, target="/"):
    try:
        return fetched(port, target)
    except OSError:
        return None


@contextlib.contextmanager
def fastapi(database):
    """A small service as people write them, on the usual table; its port."""
    process = programs.start(programs.peer("serve_fastapi", database))
    try:
        line = process.stdout.readline()
        if not line.startswith("READY"):
            programs.finish(process)
        port = int(line.split("port=")[1])
        processes.until("the service answers", 20, lambda: answers(port, "/candles/EUR_USD/5"))
        yield port
    finally:
        programs.stop(process)


def fetched(port, target):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}", timeout=5) as reply:
        return reply.read()


# MARK: Requests


def requests(port, target, connections, count):
    """What the client in C measures: each series in turn."""
    with tempfile.NamedTemporaryFile("w", prefix="cw-bench-") as targets:
        for number in range(len(SERIES)):
            print(target.format(*SERIES[number * 7919 % len(SERIES)]), file=targets)
        targets.flush()
        return programs.run(programs.limit("http", "requests", port, targets.name, connections, count))


def latencies(port, target):
    return {"nanoseconds": requests(port, target, 1, COUNT + WARM_UP)["nanoseconds"][WARM_UP:]}


def rate(port, target):
    """About two seconds, after a short try."""
    tried = requests(port, target, CONNECTIONS, TRIED)
    return requests(port, target, CONNECTIONS, max(TRIED, round(2 * tried["count"] / tried["seconds"])))


def candles_of(state):
    """The bytes that one answer has."""
    with ours(state) as port:
        return fetched(port, TARGET.format("EUR_USD", "5"))


# MARK: Streams


def streams(count, seconds):
    """So many clients that hear every tick of the usual market, from before its first tick to behind its last."""
    def measure():
        stages = ["store-writer", "aggregator"]
        with pipeline.running(closing.USUAL, stages=stages, configuration=closing.TIMEFRAMES + LISTEN) as running:
            site = running.start("candlewick-web")
            client = programs.start(programs.limit(
                "http", "streams", port_of(site), "/api/v1/events?topics=ticks", count)) if count else None
            try:
                if client and client.stdout.readline() != "READY\n":
                    programs.finish(client, 10)
                running.start("ingest-stream").ready()
                processes.until("ticks flow", 60, lambda: running.records() > 300)
                began, used = time.monotonic(), pipeline.processor_seconds(site)
                time.sleep(seconds)
                core = (pipeline.processor_seconds(site) - used) / (time.monotonic() - began)
                result = {"streams": count, "core": core, "MiB": pipeline.resident_bytes(site) / 2**20}
                running.running["ingest-stream"].stop()
                if client:
                    client.send_signal(signal.SIGTERM)
                    heard = programs.finish(client, 30)
                    result |= compared(heard, records.read_ticks(running.journal("ticks"))[0])
                return result
            finally:
                if client:
                    programs.stop(client)
                site.stop()
    return measure


def compared(heard, ticks):
    """What the clients heard beside the journal: how many ticks lack, and how late they came after their arrival."""
    if not heard["most"]:
        raise programs.Failed("no client heard a tick")
    places = [place for place, tick in enumerate(ticks) if (tick.pair, tick.broker_time) == key(heard["first"])]
    if not places:
        raise programs.Failed(f"the journal does not have the tick {heard['first']}")
    first = min(places, key=lambda place: abs(len(ticks) - place - heard["least"]))
    expected = ticks[first:]
    delays = [moment - tick.receive_time for name in ("moments0", "moments1")
              for moment, tick in zip(heard[name], expected)]
    return {"ticks": len(expected), "before": first, "least": heard["least"], "most": heard["most"],
            "equal": heard["equal"], "delays": delays}


def key(tick):
    return tick["pair"], int(decimal.Decimal(str(tick["time"])).scaleb(9))


def show(results):
    """Prints the table; the rows for the results file, and sentences about what is wrong."""
    rows, wrong = [["event streams", "ticks", "missing", "of a core", "MiB", "delay p50", "p99"]], []
    for result in results.values():
        cells = ["–"] * 2 + [f"{result['core']:.1%}", f"{result['MiB']:.1f}"] + ["–"] * 2
        if result["streams"]:
            missing = result["ticks"] - result["least"]
            cells[:2] = [f"{result['ticks']:,}", str(missing)]
            cells[4:] = [table.duration(table.percentile(result["delays"], part)) for part in (0.5, 0.99)]
            if missing or not result["equal"]:
                wrong.append(f"{result['streams']} streams: the clients DID NOT get the same ticks as the journal")
            result["delays"] = [table.percentile(result["delays"], part) for part in (0.5, 0.99)]
        rows.append([f"  {result['streams']}", *cells])
    table.render(rows)
    return results, wrong
