"""Patterns to look up, and tables of Python's to look them up in: mu's, and a plain scan."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from mu.patterns import Table

Pattern = dict[str, Any]


class Found(Protocol):
    @property
    def target(self) -> int:
        """The number of the pattern."""


Find = Callable[[Pattern], Found | None]


def literal(number: int) -> Pattern:
    return {"role": f"role{number // 10}", "cmd": f"cmd{number % 10}"}


def mixed(number: int) -> Pattern:
    """Of the ten commands of a role, one is an expression and one is any."""
    command = {8: re.compile("^x"), 9: "*"}.get(number % 10, f"cmd{number % 10}")
    return {"role": f"role{number // 10}", "cmd": command}


def message_for(number: int, pattern: Pattern) -> Pattern:
    command = pattern["cmd"] if isinstance(pattern["cmd"], str) else "xyz"
    return {"role": pattern["role"], "cmd": command.replace("*", "other"), "first": number, "second": 1}


def ours(patterns: Sequence[Pattern]) -> Find:
    table: Table[int] = Table()
    for number, pattern in enumerate(patterns):
        table.add(pattern, number)
    return table.find


class Scanned(NamedTuple):
    items: tuple[tuple[str, Any], ...]
    target: int


def scan(patterns: Sequence[Pattern]) -> Find:
    """All patterns one after the other: literals first, then expressions, then "*"."""

    def rank(entry: Scanned) -> int:
        values = [value for _, value in entry.items]
        return 2 if "*" in values else not all(isinstance(value, str) for value in values)

    entries = sorted((Scanned(tuple(pattern.items()), number) for number, pattern in enumerate(patterns)), key=rank)

    def find(message: Pattern) -> Scanned | None:
        for entry in entries:
            for key, wanted in entry[0]:
                found = message.get(key)
                if found != wanted and not fits(wanted, found):
                    break
            else:
                return entry
        return None

    return find


def fits(wanted: Any, found: Any) -> bool:
    return bool(wanted == "*" if isinstance(wanted, str) else wanted.search(found))
