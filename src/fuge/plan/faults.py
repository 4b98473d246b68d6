"""What is wrong with a fuge.yml: said in one form, collected, raised together."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from fuge.errors import ConfigError

Where = tuple[str | int, ...]  # the way to a value, such as ("adder_service", "ports", 0)


class Place(NamedTuple):
    """Line and column, counted from 1; 0 where there is none, as in what is not said in the file."""

    line: int
    column: int


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where, and what was expected and found there. `advice` may be empty."""

    file: Path
    place: Place
    key: str
    expected: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        head = f"{position(self.file, self.place)} {self.key}".rstrip()
        tail = f"; {self.advice}" if self.advice else ""
        return visible(f"{head}: expected {self.expected}, found {self.found}{tail}")


class Broken(Exception):
    """A fault that ends the reading of its file."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def position(file: Path, place: Place) -> str:
    """file:line:column."""
    return ":".join([shown_path(file), *(str(number) for number in place if number)])


def error(faults: Iterable[Fault], file: Path) -> ConfigError:
    """All faults, a line each, those of `file` first; of several at the same place the first only."""
    first: dict[tuple[Path, Place, str], Fault] = {}
    for fault in faults:
        first.setdefault((fault.file, fault.place, fault.key), fault)
    ordered = sorted(first.values(), key=lambda fault: (fault.file != file, fault.file, fault.place))
    return ConfigError("\n".join(map(str, ordered)))


def dotted(where: Where) -> str:
    """The way to a value as text: adder_service.ports[0]."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).removeprefix(".")


def shown_path(path: Path) -> str:
    """Relative to the current folder when below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def visible(text: str) -> str:
    r"""What a terminal would obey, or could not show, as Python writes it: \x1b, \n."""
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def shown(value: object, written: str | None = None) -> str:
    """A value as a fault names it; `written` is how the file writes it, if it is no text."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return written or str(value)


def one_of(words: Iterable[str]) -> str:
    """never, on-failure or always."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def nearest(word: str, known: Iterable[str]) -> str:
    """The advice that names the known word nearest to a wrong one, or the only one that begins so; "" if none does."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, 1)
    begin = [name for name in by_lower if word and name.startswith(word.lower())]
    if not near and len(begin) == 1:
        near = begin
    return f"did you mean {by_lower[near[0]]!r}?" if near else ""
