"""The sample of a proxy: nginx with TLS before candlewick-web, as systemd/nginx-candlewick.conf has it."""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

from world import Skip, until

TOKEN = "a-token-for-the-proxy-check"
HOST = "charts.example.org"
SETTINGS = {"token": TOKEN}
SAMPLE = Path(__file__).resolve().parents[3] / "systemd" / "nginx-candlewick.conf"


class Proxy:
    """nginx on a port of this machine, with the sample's configuration, made for the check's folder and ports."""

    def __init__(self, world):
        self.program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        if not self.program:
            raise Skip("nginx is missing")
        self.world, self.folder = world, world.folder / "nginx"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.certificate, key = self.folder / "certificate.pem", self.folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", self.certificate],
            check=True, capture_output=True)  # fmt: skip
        sample = SAMPLE.read_text()
        for pattern, value in (
            (r"server 127\.0\.0\.1:9641;", f"server 127.0.0.1:{world.address[1]};"),
            (r"listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            (r"ssl_certificate \S+;", f"ssl_certificate {self.certificate};"),
            (r"ssl_certificate_key \S+;", f"ssl_certificate_key {key};"),
        ):
            sample, count = re.subn(pattern, value, sample)
            assert count == 1, f"the sample has no {pattern}"
        site = self.folder / "candlewick.conf"
        site.write_text(sample)
        temporary = "".join(
            f"    {kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.configuration = self.folder / "nginx.conf"
        self.configuration.write_text(
            f"daemon off;\npid {self.folder}/pid;\nerror_log {self.folder}/error.log;\nevents {{}}\n"
            f"http {{\n    access_log {self.folder}/access.log;\n{temporary}    include {site};\n}}\n")

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.program, "-p", self.folder, "-c", self.configuration], stderr=(self.folder / "stderr").open("wb"))
        until("nginx listens", 20, self.listens, 0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def listens(self):
        assert self.process.poll() is None, (self.folder / "stderr").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def ask(self, path, token=TOKEN):
        """A connection on which this was asked, and the answer's head."""
        context = ssl.create_default_context(cafile=self.certificate)
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection = http.client.HTTPSConnection(HOST, timeout=30)
        connection.sock = context.wrap_socket(raw, server_hostname=HOST)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection, connection.getresponse()


def check_proxy(world):
    """Through nginx and TLS a candle and events come, with the token alone."""
    with Proxy(world) as proxy:
        _, refused = proxy.ask("/healthz", token=None)
        assert refused.status == 401, refused.status
        _, answer = proxy.ask("/healthz")
        assert answer.status == 200 and answer.read() == b"ok\n"
        _, answer = proxy.ask("/api/v1/candles/EUR_USD/1m?count=2")
        candles = json.loads(answer.read())["candles"]
        assert answer.status == 200 and candles, answer.status
        connection, events = proxy.ask("/api/v1/events?topics=ticks&pairs=EUR_USD")
        assert events.status == 200 and events.headers["Content-Type"].startswith("text/event-stream"), events.headers
        began = time.monotonic()
        while not (line := events.readline()).startswith(b"data:"):
            assert line and time.monotonic() - began < 20, "no event came"
        tick = json.loads(line[5:])
        assert tick["pair"] == "EUR_USD" and "bid" in tick, tick
        connection.close()
    assert TOKEN.encode() not in (proxy.folder / "access.log").read_bytes()


def check_streams_end(world):
    """When a client of the proxy goes, its stream at candlewick-web ends, too."""
    shutil.rmtree(world.folder / "nginx", ignore_errors=True)
    with Proxy(world) as proxy:
        connection, events = proxy.ask("/api/v1/events?topics=ticks")
        assert events.readline()
        during = connections(world)
        events.close()
        connection.close()
        until("its connection is closed", 20, lambda: connections(world) < during, 0.1)


def connections(world):
    """How many clients candlewick-web has, by the kernel's table: established, or left by the client alone."""
    port = f":{int(world.url.rsplit(':', 1)[1]):04X}"
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(fields[1].endswith(port) and fields[3] in ("01", "08") for fields in sockets)
