"""candlewick-web comes first, goes at any time, and outlives the database and the stages."""

import http.client
import os
import shutil
import signal
import socket
import stat
import time

import processes
from world import until

SETTINGS = {"isolated": True}
CANDLES = "/api/v1/candles/EUR_USD/1m?count=5"


def check_before_everything(world):
    """Before the pipeline and the database exist it serves health and page, and says 503 with the reason otherwise."""
    assert world.get("/healthz").status == 200
    assert world.get("/").status == 200
    for path in ("/readyz", CANDLES):
        answer = world.get(path)
        assert answer.status == 503 and "does not exist" in answer.text, (path, answer)
    assert not world.pipeline.state.exists(), "it made a folder"


def check_pipeline_comes(world):
    """Once the pipeline runs, candles come without a restart."""
    world.pipeline.start_simulator(world.simulator_arguments)
    for stage in ("aggregator", "store-writer", "ingest-stream"):
        world.start(stage)
    until("it is ready", 60, lambda: world.get("/readyz").status == 200, 0.1)
    until("candles come", 60, lambda: (answer := world.get(CANDLES)).status == 200 and answer.json["candles"], 0.1)


def check_database_moves(world):
    """The database moves away and another takes its place: 503 in between, then the other's candles."""
    world.stop("store-writer")
    lost = world.folder / "lost"
    lost.mkdir()
    for path in world.pipeline.state.glob("candlewick.db*"):
        shutil.move(path, lost)
    assert world.get(CANDLES).status == 503
    world.start("store-writer")
    until("candles are stored anew", 60, lambda: (answer := world.get(CANDLES)).status == 200 and answer.json["candles"], 0.1)
    shown = world.get(CANDLES).json["candles"][0]
    rows = world.rows("SELECT timestamp FROM candles WHERE pair = 'EUR_USD' AND timeframe = 1")
    assert shown["time"] in {row[0] for row in rows}, shown


def check_stages_go(world):
    """While stages are down or killed it answers as before."""
    world.pipeline.running["ingest-stream"].kill()
    world.stop("aggregator")
    for path in ("/healthz", "/readyz", CANDLES):
        assert world.get(path).status == 200, path
    for stage in ("aggregator", "ingest-stream"):
        world.start(stage)


def check_reads_only(world):
    """It writes nothing: not in the folder of the state, nor in that of the sockets."""
    looked = 0
    for name in os.listdir(f"/proc/{world.web.pid}/fdinfo"):
        try:
            target = os.readlink(f"/proc/{world.web.pid}/fd/{name}")
            flags = int(open(f"/proc/{world.web.pid}/fdinfo/{name}").read().split("flags:")[1].split()[0], 8)
        except (FileNotFoundError, IndexError):
            continue
        # SQLite opens what readers share for writing if it may.
        if target.startswith(str(world.pipeline.state)) and not target.endswith(("-shm", "-wal")):
            looked += 1
            assert flags & os.O_ACCMODE == os.O_RDONLY, f"{target} is open for writing"
    assert looked


def check_stop(world):
    """SIGTERM ends it with 0 at once, with clients of every kind."""
    idle = world.connect()
    half = world.connect()
    half.sendall(b"GET / HT")
    stream = world.connect()
    stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert stream.recv(65_536)
    began = time.monotonic()
    assert world.web.stop() == 0
    assert time.monotonic() - began < 5
    for client in (idle, half, stream):
        client.close()


def unix_get(path, target):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(30)
    connection.sock.connect(str(path))
    connection.request("GET", target)
    response = connection.getresponse()
    return response.status, response.read()


def check_unix_socket(world):
    """At a Unix socket it answers without a token, for user and group, and takes the path of one that was killed."""
    path = world.folder / "http.sock"
    world.start_web(listen=f"unix:{path}", token="sixteen-characters-or-more")
    assert world.url == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert unix_get(path, "/healthz") == (200, b"ok\n")
    second = processes.Program(
        str(world.pipeline.binaries / "candlewick-web"), [],
        world.pipeline.environment | {"CANDLEWICK_CONFIG": str(world.folder / "web.yaml")}, world.pipeline.logs,
        world.next_life())  # fmt: skip
    assert second.process.wait(30) == 75, second.tail()
    assert unix_get(path, "/healthz") == (200, b"ok\n")
    os.kill(world.web.pid, signal.SIGKILL)
    world.web.process.wait()
    world.start_web()
    assert unix_get(path, "/healthz") == (200, b"ok\n")
    assert world.web.stop() == 0 and not path.exists()


def check_port_taken(world):
    """A port that another program has is an error with a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        path = world.folder / "taken.yaml"
        path.write_text(f"web: {{listen: '127.0.0.1:{other.getsockname()[1]}'}}\n")
        program = processes.Program(
            str(world.pipeline.binaries / "candlewick-web"), [],
            world.pipeline.environment | {"CANDLEWICK_CONFIG": str(path)}, world.pipeline.logs, world.next_life())
        assert program.process.wait(30) == 74, program.tail()
        assert "cannot listen at 127.0.0.1" in program.tail(), program.tail()
