"""What a document tells people to run."""

import re
import subprocess
from dataclasses import dataclass, field

FENCE = re.compile(r"^```(\w*)$")
EXIT_CODE = re.compile(r"^\(exit code (\d+)\)$")
# A program between backquotes, with its arguments.
PROGRAMS = "candlewick|ingest-stream|ingest-backfill|aggregator|store-writer|candlewick-relay|candlewick-web|candlewick-watch|ig-simulator"
MENTION = re.compile(rf"`(?:\.build/release/)?((?:{PROGRAMS}) [^`]+)`")
FILE_NAME = re.compile(r"^(?:#|//|/\*) (\w+\.(?:py|c))\b")


@dataclass
class Command:
    """A command for the shell; `lines` is where its output stands, None where none is shown."""

    line: int
    text: str
    code: int = 0
    output: list = field(default_factory=list)
    lines: range = None


@dataclass
class Program:
    """A block of Python or C, or a configuration; `name` is the file that it asks to be."""

    line: int
    language: str
    text: str

    @property
    def name(self):
        named = FILE_NAME.match(self.text)
        return named[1] if named else None

    @property
    def ending(self):
        return "py" if self.language == "python" else self.language

    @property
    def is_endless(self):
        return "\nwhile True:" in self.text and "break" not in self.text


@dataclass
class Mention:
    """A command in the running text, which is looked up and not run."""

    line: int
    text: str


def read(path):
    """The commands, programs and mentions of a document, in their order."""
    lines = path.read_text().split("\n")
    number = 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if not fence:
            yield from (Mention(number, found) for found in MENTION.findall(lines[number]))
            number += 1
            continue
        end = next((at for at in range(number + 1, len(lines)) if lines[at] == "```"), None)
        if end is None:
            raise SystemExit(f"{path}:{number + 1}: a block without an end")
        if fence[1] == "sh":
            yield from shell_lines(lines, number + 1, end)
        elif fence[1] == "text":
            yield from transcript(lines, number + 1, end)
        elif fence[1] in ("python", "c", "yaml"):
            yield Program(number + 1, fence[1], "\n".join(lines[number + 1 : end]) + "\n")
        number = end + 1


def shell_lines(lines, start, end):
    """Each command of a block; one that is not complete goes on in the next line."""
    text, first = "", start
    for number in range(start, end):
        if not text and (not lines[number].strip() or lines[number].startswith("#")):
            continue
        first = first if text else number
        text += lines[number] + "\n"
        if not lines[number].endswith("\\") and is_complete(text):
            yield Command(first, text.strip())
            text = ""
    if text:
        yield Command(first, text.strip())


def is_complete(text):
    return subprocess.run(["bash", "-n", "-c", text], capture_output=True, timeout=10).returncode == 0


def transcript(lines, start, end):
    """Each command of a block, with the output that is shown below it."""
    number = start
    while number < end:
        if not lines[number].startswith("$ "):
            number += 1
            continue
        command = Command(number, lines[number][2:])
        while command.text.endswith("\\"):
            number += 1
            command.text += "\n" + lines[number]
        number += 1
        last = next((at for at in range(number, end) if lines[at].startswith("$ ")), end)
        command.output = lines[number:last]
        code = EXIT_CODE.match(command.output[-1]) if command.output else None
        if code:
            command.code = int(code[1])
            command.output.pop()
        command.lines = range(number, number + len(command.output))
        yield command
        number = last
