"""Makes manual pages of programs from their help texts: man_pages.py FOLDER PREFIX PROGRAM...

Writes FOLDER/man1 and FOLDER/man8, a page for each program and each subcommand. The texts are those of
`PROGRAM --experimental-dump-help` (ArgumentParser); documents are named by where PREFIX has them.
"""

import json
import pathlib
import re
import subprocess
import sys
from typing import Any

# What runs by itself and serves, and so belongs to section 8.
DAEMONS = {"aggregator", "candlewick-relay", "candlewick-watch", "candlewick-web", "ingest-stream", "store-writer"}
HEADING = re.compile(r"[A-Z][A-Z ]+")


def escape(text: str) -> str:
    """Text as roff shows it unchanged."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return text.replace("^", "\\(ha").replace("~", "\\(ti")


def line(text: str) -> str:
    """One line of text, which is no request although it begins with a dot."""
    text = escape(text.strip())
    return "\\&" + text if text.startswith(".") else text


def literal(lines: list[str]) -> list[str]:
    return [".nf", *("\\&" + escape(text) for text in lines), ".fi"]


def section(discussion: str) -> list[str]:
    """The discussion of a command: headings in capitals, indented lines as they are, the rest filled."""
    roff: list[str] = []
    block: list[str] = []

    def flush() -> None:
        while block and not block[0].strip():
            block.pop(0)
        while block and not block[-1].strip():
            block.pop()
        if block:
            roff.append(".PP")
            roff.extend(literal(block) if any(text.startswith(" ") for text in block) else map(line, block))
        block.clear()

    for text in discussion.splitlines():
        heading = HEADING.match(text)
        if heading and heading.group() == text.rstrip():
            flush()
            roff.append(f".SH {text.strip()}")
        elif not text.strip():
            flush()
        else:
            block.append(text)
    flush()
    return roff


def spelled(argument: dict[str, Any]) -> str:
    """An argument as one types it: `-h, --help`, `--last <last>`, `<pair>`."""
    value = f"<{argument.get('valueName', '')}>"
    if argument["kind"] == "positional":
        return value
    names = ", ".join(("-" if name["kind"] == "short" else "--") + name["name"] for name in argument["names"])
    return names if argument["kind"] == "flag" else f"{names} {value}"


def described(argument: dict[str, Any]) -> str:
    text = argument.get("abstract", "")
    notes = []
    if argument.get("allValues"):
        notes.append("values: " + ", ".join(argument["allValues"]))
    if argument.get("defaultValue"):
        notes.append("default: " + argument["defaultValue"])
    return text + (f" ({'; '.join(notes)})" if notes else "")


def synopsis(words: list[str], arguments: list[dict[str, Any]], commands: list[dict[str, Any]]) -> list[str]:
    parts = []
    for argument in arguments:
        text = spelled(argument).split(", ")[-1]
        if argument.get("isRepeating"):
            text += " ..."
        parts.append(f"[{text}]" if argument["isOptional"] else text)
    if commands:
        parts.append("<subcommand>")
    return [".SH SYNOPSIS", ".B " + escape(" ".join(words)), line(" ".join(parts)) if parts else ""]


def page(words: list[str], command: dict[str, Any], volume: int, version: str) -> str:
    name = "-".join(words)
    arguments = [each for each in command.get("arguments", []) if each["shouldDisplay"]]
    commands = [each for each in command.get("subcommands", []) if each["shouldDisplay"] and each["commandName"] != "help"]
    roff = [f'.TH "{escape(name.upper())}" "{volume}" "" "candlewick {version}" "Candlewick"', ".nh", ".ad l"]
    roff += [".SH NAME", f"{escape(name)} \\- {line(command.get('abstract', name).rstrip('.'))}"]
    roff += [each for each in synopsis(words, arguments, commands) if each]
    if command.get("discussion"):
        text = section(command["discussion"])
        roff += text if text and text[0].startswith(".SH") else [".SH DESCRIPTION", *text]
    if arguments:
        roff.append(".SH OPTIONS")
    for argument in arguments:
        roff += [".TP", f".B {escape(spelled(argument))}", line(described(argument)) or "\\&"]
    if commands:
        roff.append(".SH COMMANDS")
    for each in commands:
        roff += [".TP", f".BR {escape(name)}\\-{escape(each['commandName'])} ({volume})", line(each.get("abstract", ""))]
    if len(words) > 1:
        roff += [".SH SEE ALSO", f".BR {escape('-'.join(words[:-1]))} ({volume})"]
    return "\n".join(roff) + "\n"


def write(folder: pathlib.Path, words: list[str], command: dict[str, Any], volume: int, version: str, documents: str) -> None:
    text = page(words, command, volume, version).replace("docs/", escape(documents) + "/")
    path = folder / f"man{volume}" / f"{'-'.join(words)}.{volume}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for each in command.get("subcommands", []):
        if each["shouldDisplay"] and each["commandName"] != "help":
            write(folder, [*words, each["commandName"]], each, volume, version, documents)


def ask(program: str, argument: str) -> str:
    return subprocess.run([program, argument], check=True, capture_output=True, text=True, timeout=60).stdout


def main() -> None:
    folder, prefix, *programs = sys.argv[1:]
    for program in programs:
        command = json.loads(ask(program, "--experimental-dump-help"))["command"]
        name = command["commandName"]
        volume = 8 if name in DAEMONS else 1
        version = ask(program, "--version").strip()
        write(pathlib.Path(folder), [name], command, volume, version, f"{prefix}/share/doc/candlewick")


if __name__ == "__main__":
    main()
