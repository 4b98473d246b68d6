"""The last lines of the log, numbered: a tab asks for those after the one that it has."""

import json
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fuge.faces.connection import Item
from fuge.faces.printable import printable
from fuge.services.logs import LogRecord, to_line

KEPT = 2000  # lines
ROUNDED = 0.001  # seconds: times in files are whole microseconds
LONGEST = 4000  # characters of a line that are shown
MOST = 400_000  # characters of all lines that are told at once


@dataclass(frozen=True, slots=True)
class Line:
    """`key` tells an item from others, in whatever way it came: as it is said, or from a file."""

    number: int
    key: str
    shown: dict[str, Any]


class Lines:
    """Only ever grows at the end; what is too old goes."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self.last = 0  # the number of the newest line
        self.newest = 0.0  # its time, in seconds since the epoch

    def add(self, item: Item) -> None:
        """A record or an event; one of these without a text is not shown."""
        self._add(item, key_of(item))

    def add_missing(self, items: Iterable[Item]) -> None:
        """Those of kept items that are not there yet. What is older than the newest line is there, or was."""
        since, known = self.newest - ROUNDED, Counter(line.key for line in self._lines)
        for item in items:
            key = key_of(item)
            if known[key] > 0:
                known[key] -= 1
            elif item["time"] >= since:
                self._add(item, key)

    def after(self, number: int) -> list[dict[str, Any]]:
        """The lines that have come since that one, oldest first: as far as they are kept, and as the newest fit in."""
        found: deque[dict[str, Any]] = deque()
        left = MOST
        for line in reversed(self._lines):
            left -= len(line.shown["text"])
            if line.number <= number or left < 0:
                break
            found.appendleft(line.shown)
        return list(found)

    def _add(self, item: Item, key: str) -> None:
        if item["text"]:
            self.last += 1
            self.newest = max(self.newest, item["time"])
            self._lines.append(Line(self.last, key, shown(item, self.last)))


def key_of(item: Item) -> str:
    if "event" in item:
        return json.dumps(item, sort_keys=True)
    return f"{item['service']} {to_line(LogRecord(**item))}"


def shown(item: Item, number: int) -> dict[str, Any]:
    """What the page gets. "stream" is out, err or fuge, or "event"; colours are in "text" as a terminal has them."""
    text = item["text"]
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}... ({len(text) - LONGEST} more characters: see `fuge logs {item['service']}`)"
    return {
        "number": number,
        "time": item["time"],
        "service": item["service"],
        "stream": item.get("stream", "event"),
        "text": "\n".join(printable(line, in_colour=True) for line in text.split("\n")),
    }
