"""Who may ask: the token, the name in Host, other pages, the headers of every answer."""

import base64
import http.client
import random
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from world import Skip, until

TOKEN = "".join(random.Random(1).choices("0123456789abcdef", k=256))
ORIGIN = "https://charts.example.org"
SETTINGS = {"token": TOKEN}
PATHS = ["/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/openapi.json", "/api/v1/events", "/v3/accounts",
         "/udf/config", "/assets/page.js", "/nothing", "/../etc/passwd", "//", f"/?token={TOKEN}"]  # fmt: skip


def check_alive(world):
    """With the token healthz answers as soon as it listens, readyz once it sees pipeline and database."""
    answer = world.get("/healthz")
    assert (answer.status, answer.text) == (200, "ok\n"), answer
    until("it is ready", 30, lambda: world.get("/readyz").status == 200, 0.1)


def check_nothing_without_token(world):
    """Without the token every path and method gets 401 and nothing else."""
    bodies = set()
    for header in (None, "Bearer x", f"Bearer {TOKEN[:-1]}", f"Token {TOKEN}", "Basic eDp5"):
        for path in PATHS:
            for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
                answer = world.get(path, {"Authorization": header}, method, b"x" if method in ("POST", "PUT") else None)
                assert answer.status == 401, (method, path, header, answer.status)
                assert answer.headers["www-authenticate"] == 'Basic realm="candlewick", Bearer'
                if method == "GET":
                    bodies.add(answer.body)
    assert len(bodies) == 1, bodies


def check_nothing_for_garbage(world):
    """What is no request gets 401, too."""
    for sent in (b"GARBAGE\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
                 b"GET /" + b"y" * 20_000 + b" HTTP/1.1\r\n\r\n"):  # fmt: skip
        with world.connect() as client:
            client.sendall(sent)
            assert client.recv(65_536).startswith(b"HTTP/1.1 401 "), sent[:40]


def check_token_forms(world):
    """The token lets in as a bearer's and as any user's password."""
    for value in (f"Bearer {TOKEN}", "Basic " + base64.b64encode(f"anyone:{TOKEN}".encode()).decode()):
        assert world.get("/healthz", {"Authorization": value}).status == 200, value.split()[0]


def check_headers(world):
    """Every answer has the headers that keep browsers safe, whatever its status."""
    for path in ("/healthz", "/nothing", "//"):
        headers = world.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["cache-control"] == "no-store", path
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe-inline" not in policy.split("script-src")[1].split(";")[0], policy
        assert "server" not in headers and "access-control-allow-origin" not in headers, path


def check_token_in_no_log(world):
    """The token is in no log, whatever was asked."""
    logs = [path.read_bytes() for path in world.pipeline.logs.iterdir()]
    assert logs and not any(TOKEN.encode() in log or TOKEN[:32].encode() in log for log in logs)


# Timing

ROUNDS = 2_000
LONGEST = 120  # seconds


def seconds(client, token):
    """Between a request with this token and its answer."""
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
    began = time.perf_counter_ns()
    client.sendall(request)
    answer = client.recv(65_536)
    took = time.perf_counter_ns() - began
    assert answer.startswith(b"HTTP/1.1 401 "), answer[:80]
    return took / 1e9


def differences(address, token, error=1.0):
    """By how much guesses that share more and more of the token take longer than one that shares nothing.

    For each count of shared characters: the median of the differences within a round, and its standard error, which is
    at most `error` unless that takes too long. Within a round the guesses come in random order right after each other,
    so that what changes slowly cancels out.
    """
    order = random.Random(2)
    guesses = {shared: (token[:shared] + "z" * (len(token) - shared)).encode()
               for shared in (0, len(token) // 2, len(token) - 1)}  # fmt: skip
    values = {shared: [] for shared in guesses if shared}
    end = time.monotonic() + LONGEST
    with socket.create_connection(address, timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            for _ in range(ROUNDS):
                times = {shared: seconds(client, guesses[shared]) for shared in order.sample(list(guesses), len(guesses))}
                for shared in values:
                    values[shared].append(times[shared] - times[0])
            found = {shared: with_error(of) for shared, of in values.items()}
            if all(reached <= error for _, reached in found.values()) or time.monotonic() > end:
                return found


def with_error(values):
    """The median and its standard error, by the median of the deviations: outliers do not count."""
    median = statistics.median(values)
    spread = 1.4826 * statistics.median(abs(value - median) for value in values)
    return median, 1.2533 * spread / len(values) ** 0.5


def check_timing(world):
    """The time of a refusal does not depend on how much of a guess is right, and the method would see it."""
    control = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("bytewise.py"), TOKEN], stdout=subprocess.PIPE, text=True)
    try:
        port = int(control.stdout.readline())
        seen = differences(("127.0.0.1", port), TOKEN)
    finally:
        control.kill()
        control.wait()
    median, error = seen[len(TOKEN) - 1]
    assert median > 6 * error, "the control's difference was not seen"
    ours = differences(world.address, TOKEN, median / 8)
    for name, found in (("byte by byte", seen), ("candlewick-web", ours)):
        text = ", ".join(f"{shared} shared: {median * 1e6:+.2f} ± {error * 1e6:.2f} µs"
                         for shared, (median, error) in found.items())  # fmt: skip
        print(f"    {name}: {text}")
    for shared, (difference, error) in ours.items():
        if 6 * error >= median:
            raise Skip("too much else runs here to see what the control shows")
        assert abs(difference) < max(6 * error, 2e-7), f"{shared} shared characters show"


# Names and pages: last, since the server starts again.


def with_host(world, path, host, method="GET", **headers):
    connection = http.client.HTTPConnection(*world.address, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def check_names(world):
    """Without a token only the names of this machine and of configured origins are answered."""
    world.start_web(token="", origins=[ORIGIN])
    for host in ("localhost", "127.0.0.1:1", "[::1]:9641", "charts.example.org"):
        assert with_host(world, "/healthz", host).status == 200, host
    for host in ("evil.example", "localhost.evil.example:80", "", "192.0.2.1"):
        assert with_host(world, "/healthz", host).status == 421, host


def check_other_pages(world):
    """Only pages of configured origins may read."""
    friend = with_host(world, "/healthz", "localhost", Origin=ORIGIN)
    assert friend.headers["Access-Control-Allow-Origin"] == ORIGIN
    preflight = with_host(world, "/healthz", "localhost", "OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="GET")
    assert preflight.status == 204 and preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    stranger = with_host(world, "/healthz", "localhost", Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in stranger.headers
    refused = with_host(
        world, "/healthz", "localhost", "OPTIONS", Origin="https://evil.example", Access_Control_Request_Method="GET")
    assert refused.status == 405


def check_open_address_needs_token(world):
    """An address that other machines can reach is refused without a token, by a sentence that says what to do."""
    path = world.folder / "open.yaml"
    path.write_text("web: {listen: '*:0'}\n")
    environment = world.pipeline.environment | {"CANDLEWICK_CONFIG": str(path)}
    ended = subprocess.run(
        [world.pipeline.binaries / "candlewick-web"], env=environment, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 78 and "CANDLEWICK_WEB_TOKEN" in ended.stderr, ended
    weak = subprocess.run(
        [world.pipeline.binaries / "candlewick-web"], env=environment | {"CANDLEWICK_WEB_TOKEN": "short"},
        capture_output=True, text=True, timeout=30)
    assert weak.returncode == 78 and "16 to 256" in weak.stderr and "short" not in weak.stderr.replace("shorter", ""), weak
