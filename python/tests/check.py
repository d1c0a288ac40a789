"""Runs the tests with and without the packages, prints one line each and a count at the end."""

import argparse
import contextlib
import importlib.util
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import postgres
import processes

HERE = Path(__file__).resolve().parent
# Its psycopg is the one of the package python3-psycopg.
SYSTEM_PYTHON = "/usr/bin/python3"


def make_empty_database(folder, binaries):
    """A database with store-writer's tables and views and without rows, in one file."""
    pipeline = processes.Pipeline(folder, binaries, processes.settings(["EUR_USD"]))
    writer = pipeline.start("store-writer")
    try:
        writer.ready()
        writer.stop()
    finally:
        pipeline.kill_everything()
    connection = sqlite3.connect(pipeline.database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return pipeline.database


def make_empty_schema(folder, binaries, server):
    """The same on a PostgreSQL server: its database `empty`."""
    server.sql("CREATE DATABASE empty")
    pipeline = processes.Pipeline(folder, binaries, processes.settings(["EUR_USD"]))
    pipeline.environment["CANDLEWICK_DATABASE"] = server.uri("empty")
    writer = pipeline.start("store-writer")
    try:
        writer.ready()
        writer.stop()
    finally:
        pipeline.kill_everything()


def run(python, module, label, seconds, environment):
    """Runs a module of unittest; returns the numbers of passed and failed tests."""
    return counted([python, str(HERE / "runner.py"), module, label], f"{label}: {module}", seconds, environment)


def run_pytest(python, module, label, seconds, environment, extras):
    """The same for a module of pytest, with the package as it is installed there."""
    command = [python, "-m", "pytest", "-p", "no:terminal", "-p", "no:cacheprovider", f"{module}.py"]
    environment = environment | {"PYTHONPATH": str(processes_folder()), "CHECK_LABEL": label, "CHECK_EXTRAS": extras}
    return counted(command, f"{label}: {module}", seconds, environment)


def processes_folder():
    """What the tests share with other checks; not the folder of the package."""
    return Path(processes.__file__).parent


def check_types(environment):
    if importlib.util.find_spec("mypy") is None:
        print("skipped package: mypy is not installed", flush=True)
        return 0, 0
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", cache]
        result = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True, timeout=300)
    if result.returncode == 0:
        print("ok      package: mypy --strict finds nothing", flush=True)
        return 1, 0
    print(f"FAILED  package: mypy --strict\n{result.stdout}{result.stderr}", flush=True)
    return 0, 1


def counted(command, name, seconds, environment):
    """Runs tests that print a line each; returns the numbers of passed and failed ones."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE, env=environment) as process:
        try:
            text, _ = process.communicate(timeout=seconds)
            end = f"it ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            end = f"not done after {seconds} s"
    print(text, end="", flush=True)
    words = [line.split(maxsplit=1)[0] for line in text.splitlines() if line.startswith(("ok ", "FAILED "))]
    failed = words.count("FAILED")
    # A crash ends the runner before it can say what failed.
    if failed == 0 and process.returncode != 0:
        failed = 1
        print(f"FAILED  {name}: {end}", flush=True)
    return words.count("ok"), failed


@contextlib.contextmanager
def running_server(folder, options):
    """A PostgreSQL server whose database `empty` has store-writer's tables."""
    server = postgres.Server(postgres.new_folder(), *postgres.SMALL)
    try:
        server.make().start()
        make_empty_schema(Path(folder) / "empty-schema", options.bin, server)
        yield server
    finally:
        server.remove()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the folder of the programs")
    parser.add_argument("--plain", required=True, help="python without any package")
    parser.add_argument(
        "--package", action="append", default=[], metavar="EXTRAS=PYTHON",
        help="a python with pytest and the package with these extras; without any the package is not tested",
    )  # fmt: skip
    options = parser.parse_args()
    packages = dict(each.split("=", 1) for each in options.package)
    with tempfile.TemporaryDirectory(prefix="candlewick-python.") as folder, running_server(folder, options) as server:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CANDLEWICK_", "IG_", "STATE_DIRECTORY", "PG"))}
        environment = kept | {
            "CHECK_BIN": options.bin,
            "CHECK_EMPTY_DATABASE": str(make_empty_database(Path(folder) / "empty", options.bin)),
            "CHECK_PLAIN_PYTHON": options.plain,
            "CHECK_POSTGRES": str(server.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Far from UTC, so that a local time shows.
            "TZ": "America/New_York",
        }  # fmt: skip
        runs = [
            run(options.plain, "test_forex_database", "standard library", 120, environment),
            run(sys.executable, "test_forex_database", "with packages", 120, environment),
            run(options.plain, "test_bus", "standard library", 120, environment),
            run(sys.executable, "test_bus", "with packages", 120, environment),
            run(options.plain, "test_postgres_connections", "standard library", 120, environment),
            *(
                run(python, module, label, 240, environment)
                for python, label in ((sys.executable, "PostgreSQL"), (SYSTEM_PYTHON, "PostgreSQL, Debian's psycopg"))
                for module in ("test_postgres", "test_postgres_connections")
            ),
            run(sys.executable, "test_relay", "relay", 120, environment),
            run(sys.executable, "test_parquet", "Parquet", 120, environment),
            run(sys.executable, "test_pipeline", "pipeline", 300, environment),
            *(
                run_pytest(python, "test_extras", f"package [{extras}]", 120, environment, extras)
                for extras, python in packages.items()
            ),
            *(
                run_pytest(python, module, "package", 120, environment, extras)
                for extras, python in packages.items()
                if python == sys.executable
                for module in ("test_tick_stream", "test_package")
            ),
            check_types(environment),
        ]
    passed, failed = map(sum, zip(*runs))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
