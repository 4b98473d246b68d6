"""Files of NAME=VALUE lines."""

import re
from pathlib import Path

from fuge.plan.faults import Fault, Place, shown

LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")
QUOTED = re.compile(r"""\s*(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?""")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse(text: str, file: Path) -> tuple[dict[str, str], list[Fault]]:
    r"""The variables of a file's text, and a fault for each broken line.

    Blank lines and # comments are skipped; `export ` in front, quotes around a value and empty values are fine.
    In double quotes \n, \r, \t, \" and \\ are what they usually are; nothing else is replaced.
    """
    found: dict[str, str] = {}
    faults = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        value = unquoted(match[2]) if match else None
        if match is None or value is None or "\0" in value:
            expected = "NAME=VALUE" if match is None else "a closing quote at the end of the value"
            expected = expected if value is None else "a value without U+0000"
            faults.append(Fault(file, Place(number, 0), "", expected, shown(line)))
        else:
            found[match[1]] = value
    return found, faults


def unquoted(text: str) -> str | None:
    """The value that `text` stands for; None if its quotes are not closed, or not the whole of it."""
    if match := QUOTED.fullmatch(text):
        if match[1] is not None:
            return match[1]
        return re.sub(r"\\(.)", lambda escape: ESCAPES.get(escape[1], escape[1]), match[2])
    if text.lstrip().startswith(("'", '"')):
        return None
    return re.split(r"\s#", text)[0].strip()
