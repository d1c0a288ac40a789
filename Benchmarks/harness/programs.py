"""Where the measured programs are, and how one of them is run."""

import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("CANDLEWICK_BIN", ROOT / ".build/release"))
PEERS = ROOT / "Benchmarks/peers"
PYTHON = os.environ.get("CANDLEWICK_PEERS_PYTHON")
"""The interpreter of the peers' environment; without it the peers are left out."""

UNAVAILABLE = 69


class LeftOut(Exception):
    """A peer that cannot be had here."""


class Failed(Exception):
    """A program that ended with an error."""


def bench(*arguments):
    return [str(BINARIES / "bench"), *map(str, arguments)]


def limit(name, *arguments):
    return [str(BINARIES / f"limit-{name}"), *map(str, arguments)]


def product(name, *arguments):
    return [str(BINARIES / name), *map(str, arguments)]


def peer(name, *arguments):
    if PYTHON is None:
        raise LeftOut("the peers are not installed")
    return [PYTHON, str(PEERS / f"{name}.py"), *map(str, arguments)]


def start(command, **options):
    """Begins a program whose output is read by `finish`; what it says goes to a file, so that it never waits."""
    errors = tempfile.TemporaryFile("w+")
    options.setdefault("stdout", subprocess.PIPE)
    process = subprocess.Popen(command, stderr=errors, stdin=subprocess.DEVNULL, text=True, **options)
    process.said = errors
    return process


def finish(process, seconds=600):
    """The object that a program prints as its last line."""
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        stop(process)
        raise Failed(f"{process.args[0]} did not end within {seconds} s") from None
    process.said.seek(0)
    said = process.said.read()
    if process.returncode == UNAVAILABLE:
        raise LeftOut(said.strip().splitlines()[-1] if said.strip() else "not available")
    if process.returncode != 0:
        raise Failed(f"{' '.join(process.args[:3])} ended with {process.returncode}: {said[-500:]}")
    return json.loads(output.strip().splitlines()[-1])


def run(command, seconds=600, **options):
    return finish(start(command, **options), seconds)


def stop(*processes):
    """Asks programs to end, and ends those that do not."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
