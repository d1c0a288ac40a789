"""Runs what the documents tell people to run. scripts/check-docs says how."""

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import documents
import elsewhere
import links
import pipeline as simulated
import postgres
import servers
from shell import Shell, first_lines

ROOT = Path(__file__).resolve().parents[3]
# Run by scripts/check-python.
LEFT_OUT = {"reading.md"}
# README first: what it says must work alone. The rest in the order in which the examples of commands.md are true.
ORDER = ["README.md", "commands.md", "quick-start.md"]
MOST_LINES = 40
# Starts the whole pipeline.
RUNS = r"(scripts/run|(\.build/release/)?candlewick run)\b(?!-)"
BOT_LINES = 2

# What a `…` stands for where the environment of the check has no variable of the name.
PLACEHOLDERS = {"IG_ACC_NUMBER": ""}
# A menu is answered; everything else finds its input empty.
MENUS = {"ingest-backfill": "q\n"}


class Check:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.checkout = folder / "checkout"
        self.counts = Counter()
        # Those of docs/scaling.md while it is checked.
        self.servers = None
        self.pipeline = None
        self.helps = {}

    def start(self):
        simulated.make_checkout(self.checkout, ROOT, self.options.bin)
        (self.folder / "home").mkdir()
        (self.folder / "backup").mkdir()
        (self.folder / "prometheus").mkdir()
        (self.checkout / ".venv").symlink_to(self.options.venv)
        self.pipeline = simulated.start(self.folder / "pipeline", self.options.bin)
        simulated.make_old_database(self.checkout / "old.db", self.pipeline.database)
        path = [f"{self.options.venv}/bin", self.options.bin, str(postgres.programs()), os.environ["PATH"]]
        self.environment = self.pipeline.environment | {
            "HOME": str(self.folder / "home"), "PATH": ":".join(path), "LC_ALL": "C.UTF-8", "TERM": "dumb",
            "NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONPATH": str(ROOT / "python"),
        }  # fmt: skip
        # Where the documents say things are, and where they are.
        self.places = {
            "/var/lib/candlewick": self.environment["CANDLEWICK_STATE_DIR"],
            "/run/candlewick": self.environment["CANDLEWICK_RUNTIME_DIR"],
            "/path/to/state": self.environment["CANDLEWICK_STATE_DIR"],
            "/backup": str(self.folder / "backup"),
            "/etc/prometheus": str(self.folder / "prometheus"),
            "/home/trader": str(self.folder / "home"),
            "127.0.0.1:9641": simulated.start_web(self.pipeline),
        }

    def here(self, text):
        for place, path in self.all_places.items():
            text = re.sub(rf"(?<![\w.]){place}\b", path, text)
        return text

    def there(self, text):
        for place, path in self.all_places.items():
            text = text.replace(path, place)
        return text.replace(f"{self.checkout}/", "")

    # MARK: Documents

    def check_links(self, paths):
        for path in paths:
            broken = list(links.broken(path))
            self.counts["failed" if broken else "passed"] += 1
            for why in broken:
                print(f"FAILED  {path.relative_to(ROOT)}:{why}")

    def check(self, path):
        name = path.relative_to(ROOT)
        before = self.counts.copy()
        if path.name == "scaling.md":
            self.servers = servers.Servers()
        shell = Shell(self.checkout, self.environment | (self.servers.environment if self.servers else {}), self.folder)
        outputs = []
        for part in documents.read(path):
            kind = {documents.Command: self.command, documents.Program: self.program}.get(type(part), self.mention)
            why = kind(part, shell, outputs)
            self.counts["failed" if why else "passed"] += 1
            if why:
                first = part.text.split("\n")[0]
                print(f"FAILED  {name}:{part.line + 1}: {first}\n" + re.sub("^", "    | ", why.strip(), flags=re.M))
        counts = self.counts - before
        print(f"{'FAILED' if counts['failed'] else 'ok':7} {name}: {counts['passed']} of {counts.total()}", flush=True)
        if self.options.write:
            write(path, outputs)
        self.remove_servers()

    def remove_servers(self):
        if self.servers:
            self.servers.remove()
        self.servers = None

    @property
    def all_places(self):
        return self.places | (self.servers.places if self.servers else {})

    def command(self, command, shell, outputs):
        """Why it is not right; nothing where it is."""
        if entry := elsewhere.found(command.text):
            return elsewhere.lack(entry)
        text, why = self.filled(self.here(shortened(command.text)))
        if why:
            return why
        if re.match(RUNS, text):
            output, code = self.run_pipeline(text, shell)
        elif menu := MENUS.get(re.sub(r"\s+#.*", "", text).removeprefix(".build/release/")):
            output, code = shell.run(f"printf {shlex.quote(menu)} | script -qec {shlex.quote(text)} /dev/null")
        else:
            output, code = shell.run(text)
        if code != command.code:
            return f"exit code {code}, not {command.code}\n" + output[-2000:]
        if self.servers:
            self.servers.follow(text)
        if command.lines is None:
            return ""
        shown = self.there(output).replace("\r\n", "\n").rstrip("\n").split("\n")
        shown = [line.rstrip() for line in shown] if output.strip() else []
        if len(shown) > MOST_LINES:
            return f"{len(shown)} lines of output: cut them, by head for instance"
        if self.options.write:
            outputs.append((command.lines, shown))
        elif shape(shown) != shape(command.output):
            return f"the output begins otherwise than shown (scripts/check-docs --write renews it)\n{shown[:1]}"
        return ""

    def filled(self, text):
        """The command with values in the place of `…`."""
        def value(match):
            return f"{match[1]}={shlex.quote((self.environment | PLACEHOLDERS).get(match[1], '…'))}"

        text = re.sub(r"\b([A-Z_]+)=…", value, text)
        return text, f"nothing is known to put in the place of …: {text}" if "…" in text.split(" #")[0] else ""

    def run_pipeline(self, text, shell):
        """The pipeline in folders of its own, for some seconds: simulated, or with the login of the document."""
        own = self.folder / f"own{self.counts.total()}"
        extra = {"CANDLEWICK_STATE_DIR": str(own), "CANDLEWICK_RUNTIME_DIR": str(own / "run")}
        seconds = 10  # at the slow simulator's speed a candle takes 5 s
        if not any("IG_API_KEY=" in former for former in shell.history):
            extra |= {"IG_API_KEY": ""}
            seconds = 6
        text = re.sub(r"\s+--for \w+|\s+#.*", "", text) + f" --for {seconds}s"
        return shell.run(text, **extra)

    def program(self, program, shell, _):
        if program.is_endless:
            return self.bot(program)
        source = self.here(program.text)
        path = Path(shell.folder) / (program.name or f"block.{program.ending}")
        path.write_text(source)
        if program.language == "python":
            output, code = shell.run(f"python3 {shlex.quote(str(path))}")
        elif program.language == "yaml":
            output, code = shell.run(f"CANDLEWICK_CONFIG={shlex.quote(str(path))} candlewick configuration")
        else:
            path.write_text(source if program.name else "#include <stdint.h>\n" + source)
            output, code = shell.run(f"cc -std=c11 -Wall -Wextra -Werror -fsyntax-only {shlex.quote(str(path))}")
        return "" if code == 0 else f"exit code {code}\n" + output[-2000:]

    def bot(self, program):
        """A bot never ends by itself. It is a file of the examples, and hears the pipeline of the check."""
        path = next((path for path in self.examples if path.read_text() == program.text), None)
        if path is None:
            return "it is not one of the files in python/examples, as it stands here"
        lines, errors = first_lines(["python3", str(path)], BOT_LINES, self.folder, self.environment)
        return "" if len(lines) == BOT_LINES else f"{len(lines)} of {BOT_LINES} lines\n" + errors[-2000:]

    @property
    def examples(self):
        return (ROOT / "python" / "examples").glob("*.py")

    # MARK: Mentions

    def mention(self, mention, *_):
        """Whether program, subcommands and options are there."""
        words = mention.text.split()
        path, rest = [words[0]], words[1:]
        text = self.help(path)
        while rest and rest[0] in subcommands(text):
            path.append(rest.pop(0))
            text = self.help(path)
        if subcommands(text) and rest and not rest[0].startswith("-"):
            return f"{' '.join(path)} has no {rest[0]}"
        options = {option for word in rest for option in re.findall(r"^--[a-z-]+", word)}
        lacking = [option for option in options if not re.search(rf"{option}(?![\w-])", text)]
        return f"{' '.join(path)} has no {', '.join(lacking)}" if lacking else ""

    def help(self, path):
        key = " ".join(path)
        if key not in self.helps:
            command = [f"{self.options.bin}/{path[0]}", *path[1:], "--help"]
            self.helps[key] = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
        return self.helps[key]


def shortened(text):
    """The same for some seconds."""
    text = re.sub(r"--for \d+[mh]\b", "--for 3s", text)
    return re.sub(r"\btimeout (--preserve-status )?\d+[mh]\b", r"timeout \g<1>6s", text)


def subcommands(text):
    """The names in a help's lists of subcommands, aliases too."""
    lists = re.findall(r"SUBCOMMANDS:\n((?:  .*\n)+)", text)
    lines = [line for part in lists for line in re.findall(r"^  ([a-z]+(?:, [a-z]+)*)\b", part, flags=re.M)]
    return {name for line in lines for name in line.split(", ")}


def shape(lines):
    """The first line without what changes: digits, and the blanks that make columns."""
    return re.sub(r"\s+", " ", re.sub(r"[\d.,]*\d", "0", lines[0])).strip() if lines else None


def write(path, outputs):
    lines = path.read_text().split("\n")
    for place, shown in reversed(outputs):
        lines[place.start : place.stop] = shown
    path.write_text("\n".join(lines))


def everything(names):
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in found if not names or path.name in names]


def wanted(names):
    found = [path for path in everything(names) if path.parent in (ROOT, ROOT / "docs") and path.name not in LEFT_OUT]
    return sorted(found, key=lambda path: ORDER.index(path.name) if path.name in ORDER else len(ORDER))


def stop(*_):
    raise SystemExit("stopped")


def main():
    signal.signal(signal.SIGTERM, stop)
    parser = argparse.ArgumentParser(prog="scripts/check-docs")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--venv", required=True)
    parser.add_argument("--write", action="store_true", help="put the real outputs into the documents")
    parser.add_argument("documents", nargs="*", metavar="DOCUMENT", help="such as commands.md; without any, all")
    options = parser.parse_args()
    names = [Path(name).name for name in options.documents]
    paths = wanted(names)
    if not paths:
        parser.error("there is no such document")
    with tempfile.TemporaryDirectory(prefix="candlewick-docs.", dir="/tmp") as folder:
        check = Check(options, Path(folder))
        check.check_links(everything(names))
        try:
            check.start()
            for path in paths:
                check.check(path)
        finally:
            check.remove_servers()
            if check.pipeline:
                check.pipeline.kill_everything()
    print(f"{check.counts['passed']} passed, {check.counts['failed']} failed")
    return 1 if check.counts["failed"] else 0


sys.exit(main())
