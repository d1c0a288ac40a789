"""Prometheus and Alertmanager over the samples of monitoring/, and a receiver of the pages."""

import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import processes
import yaml

import rules

# Alertmanager of Debian reads them from here alone.
TEMPLATES = Path("/usr/share/prometheus/alertmanager")


class Receiver:
    """A pager: remembers what Alertmanager sends."""

    def __init__(self):
        self.calls = []  # (time, path, alert)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802: the name is the library's
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                now = time.monotonic()
                receiver.calls += [(now, self.path, alert) for alert in body["alerts"] if alert["status"] == "firing"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def received(self, path, instance):
        """What came for a drill: time and alert."""
        return [(at, alert) for at, to, alert in self.calls if to == path and alert["labels"].get("instance") == instance]


class Watchers:
    """Both programs, with the samples' own rules, routes and inhibitions.

    factor: what durations are divided by; scrape: seconds from one scrape to the next.
    """

    def __init__(self, folder, prometheus, alertmanager, factor, scrape):
        self.folder, self.factor, self.scrape = Path(folder), factor, scrape
        self.folder.mkdir()
        self.receiver = Receiver()
        mount_templates(Path(alertmanager).parents[1] / "share")
        self.write("candlewick.rules.yml", rules.shortened(rules.RULES.read_text(), factor))
        text = rules.shortened((rules.MONITORING / "alertmanager.yml").read_text(), factor)
        self.write("alertmanager.yml", text.replace("http://127.0.0.1:9642", self.receiver.address))
        self.alertmanager = self.launch(
            alertmanager, "--config.file=alertmanager.yml", "--storage.path=alertmanager",
            "--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")  # fmt: skip
        self.pages_from = f"http://{self.address(self.alertmanager)}"
        self.configure(self.pages_from.removeprefix("http://"))
        self.targets, self.lock = {}, threading.Lock()
        self.tell({})
        self.prometheus = self.launch(
            prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=prometheus",
            "--web.listen-address=127.0.0.1:0")  # fmt: skip
        self.url = f"http://{self.address(self.prometheus)}"
        processes.until("Prometheus is ready", 60, lambda: is_ready(f"{self.url}/-/ready"), 0.1)
        processes.until("Alertmanager is ready", 60, lambda: is_ready(f"{self.pages_from}/-/ready"), 0.1)

    def configure(self, alertmanager):
        """The sample, with our addresses, and with targets from a file."""
        sample = yaml.safe_load((rules.MONITORING / "prometheus.yml").read_text())
        sample["global"] = {"scrape_interval": f"{self.scrape}s", "evaluation_interval": f"{self.scrape}s"}
        sample["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
        job = next(job for job in sample["scrape_configs"] if job["job_name"] == "candlewick")
        del job["static_configs"]
        job["file_sd_configs"] = [{"files": [str(self.folder / "targets.json")], "refresh_interval": "1s"}]
        sample["scrape_configs"] = [job]
        self.write("prometheus.yml", yaml.safe_dump(sample))

    def watch(self, instance, address):
        """From now on, a pipeline by the address of its candlewick-web."""
        with self.lock:
            self.targets[instance] = address
            self.tell(self.targets)

    def forget(self, instance):
        with self.lock:
            self.targets.pop(instance, None)
            self.tell(self.targets)

    def tell(self, targets):
        groups = [{"targets": [address], "labels": {"instance": name}} for name, address in targets.items()]
        self.write("new.json", json.dumps(groups))
        (self.folder / "new.json").rename(self.folder / "targets.json")

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def launch(self, program, *arguments):
        log = self.folder / f"{Path(program).name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                preexec_fn=processes.die_with_parent)  # fmt: skip
        process.log = log
        return process

    def address(self, process):
        def found():
            if process.poll() is not None:
                raise processes.ProgramError(f"{process.log} ends: {process.log.read_text()[-600:]}")
            return re.search(r'msg="Listening on" address=(\S+)', process.log.read_text())

        return processes.until(f"{process.log.stem} listens", 60, found, 0.1)[1]

    def query(self, expression):
        """The values of an expression now: labels and number."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=30) as reply:
                result = json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None
        if result["resultType"] != "vector":
            return [({}, float(result["result"][1]))]
        return [(entry["metric"], float(entry["value"][1])) for entry in result["result"]]

    def stop(self):
        for process in (self.prometheus, self.alertmanager):
            process.terminate()
            process.wait(20)
        self.receiver.server.shutdown()


def is_ready(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return reply.status == 200
    except OSError:
        return False


def mount_templates(share):
    """Lets the unpacked package's files stand below /usr/share too: in this namespace only."""
    if TEMPLATES.is_dir():
        return
    layers = f"lowerdir={share}:/usr/share"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, "/usr/share"], check=True)
