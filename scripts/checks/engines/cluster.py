"""A standalone Spark cluster: master and driver in one network, each of two workers in a namespace of its own.

    unshare --net --mount --pid --fork --kill-child --mount-proc python3 cluster.py fold_spark.py --archive … --output …

Needs root and namespaces of its own, as above; `python3` is that of PySpark's environment. The last line names the
workers that ran tasks, and how many tasks each ran.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pyspark
from processes import until

NETWORK = "10.78.0"
MASTER = f"{NETWORK}.1"
HOME = Path(pyspark.__file__).parent
WORKERS = (2, 3)


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def make_network() -> None:
    run("mkdir", "-p", "/run/netns")
    run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "bridge", "type", "bridge")
    run("ip", "address", "add", f"{MASTER}/24", "dev", "bridge")
    run("ip", "link", "set", "bridge", "up")
    for number in WORKERS:
        name = f"worker{number}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", name, "master", "bridge", "up")
        run("ip", "-n", name, "address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            run("ip", "-n", name, "link", "set", link, "up")


def start(folder: Path, address: str, *words: str) -> subprocess.Popen[bytes]:
    """A part of the cluster; its log is a file of its address."""
    environment = os.environ | {
        "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": MASTER if address == "driver" else address,
        "PYSPARK_PYTHON": sys.executable, "SPARK_WORKER_DIR": str(folder / address), "SPARK_NO_DAEMONIZE": "1",
    }  # fmt: skip
    with (folder / f"{address}.log").open("ab") as log:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def asked(path: str) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"http://{MASTER}:{path}", timeout=5) as reply:
            return json.load(reply)
    except OSError:
        return {}


def start_cluster(folder: Path) -> list[subprocess.Popen[bytes]]:
    spark_class, package = str(HOME / "bin/spark-class"), "org.apache.spark.deploy"
    parts = [start(folder, MASTER, spark_class, f"{package}.master.Master", "--host", MASTER)]
    until("the master answers", 60, lambda: asked("8080/json/"), interval=0.2)
    for number in WORKERS:
        address = f"{NETWORK}.{number}"
        parts.append(
            start(folder, address, "ip", "netns", "exec", f"worker{number}", spark_class, f"{package}.worker.Worker",
                  "--host", address, "--cores", "1", "--memory", "2g", f"spark://{MASTER}:7077")
        )  # fmt: skip
    until("both workers are there", 60, lambda: asked("8080/json/").get("aliveworkers") == len(WORKERS), interval=0.2)
    return parts


def tasks_of_workers(events: Path) -> dict[str, int]:
    """How many tasks each worker's executor finished, by the application's log of events."""
    tasks: dict[str, int] = {}
    for file in events.rglob("*"):
        for line in file.read_text().splitlines() if file.is_file() else []:
            event = json.loads(line)
            if event["Event"] == "SparkListenerTaskEnd":
                host = event["Task Info"]["Host"]
                tasks[host] = tasks.get(host, 0) + 1
    return tasks


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="candlewick-spark.") as name:
        folder = Path(name)
        (folder / "events").mkdir()
        make_network()
        parts = start_cluster(folder)
        try:
            settings = {
                "spark.driver.host": MASTER, "spark.driver.bindAddress": MASTER, "spark.eventLog.enabled": "true",
                "spark.eventLog.dir": f"file://{folder}/events", "spark.eventLog.compress": "false",
                "spark.eventLog.rolling.enabled": "false", "spark.executor.memory": "1g",
            }  # fmt: skip
            options = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
            driver = start(
                folder, "driver", str(HOME / "bin/spark-submit"), "--master", f"spark://{MASTER}:7077", *options,
                *sys.argv[1:],
            )  # fmt: skip
            code = driver.wait()
            if code != 0:
                print((folder / "driver.log").read_text()[-3000:], file=sys.stderr)
                return code
            tasks = tasks_of_workers(folder / "events")
            print(", ".join(f"{host}: {count} tasks" for host, count in sorted(tasks.items())))
            return 0 if len(tasks) == len(WORKERS) else 1
        finally:
            for part in parts:
                part.kill()


if __name__ == "__main__":
    sys.exit(main())
