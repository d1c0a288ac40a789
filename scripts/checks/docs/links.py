"""The links of the documents: files and headings of this tree."""

import re
from functools import cache

LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)")


def broken(path):
    """Each link of a document that leads nowhere, with its line."""
    for number, line in enumerate(prose(path), 1):
        for name, anchor in LINK.findall(line):
            if ":" in name:
                continue
            target = path.parent / name if name else path
            if not target.exists():
                yield f"{number}: {name} is missing"
            elif anchor and anchor not in anchors(target):
                yield f"{number}: {name or path.name} has no heading #{anchor}"


def prose(path):
    """The lines of a document; those of blocks are empty."""
    inside = False
    for line in path.read_text().split("\n"):
        fence = line.startswith("```")
        inside ^= fence
        yield "" if inside or fence else line


@cache
def anchors(path):
    """The names by which GitHub links to the headings of a document."""
    names = []
    for line in prose(path):
        if heading := re.match(r"#+ (.*)", line):
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            names.append(f"{name}-{names.count(name)}" if name in names else name)
    return set(names)
