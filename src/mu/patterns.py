"""Patterns, and the table that finds which one fits a message best.

A pattern names some keys of a message: with a value, with "*" (the key is there, with any value) or with a regular
expression. The pattern "*" itself fits every message, as a last resort.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

Message = Mapping[str, Any]
Pattern = Mapping[str, Any] | str
ANY = "*"
T = TypeVar("T")


class Entry(Generic[T]):
    """A pattern, ready for matching, and what it leads to."""

    __slots__ = ("exact", "literals", "number", "others", "pattern", "rank", "specificity", "target")

    def __init__(self, pattern: Pattern, target: T, number: int) -> None:
        checked = check(pattern)
        self.pattern, self.target, self.number = pattern, target, number
        self.literals = sorted((key, value) for key, value in checked.items() if is_literal(value))
        self.others = [(key, value) for key, value in checked.items() if not is_literal(value)]
        expressions = sum(isinstance(value, re.Pattern) for _, value in self.others)
        self.specificity = -1 if pattern == ANY else len(self.literals)
        self.rank = (expressions, len(self.others) - expressions, number)
        self.exact = not self.others and all(isinstance(value, str) for _, value in self.literals)

    def fits(self, message: Message) -> bool:
        """Whether the whole pattern fits a message whose values equal the literals, as Python's == has it."""
        for key, value in self.literals:
            if (message[key] is True or message[key] is False) != isinstance(value, bool):
                return False  # to Python True == 1
        for key, value in self.others:
            found = message.get(key)
            if found is None or (value is not ANY and not (is_plain(found) and value.search(as_text(found)))):
                return False
        return True


class Group(Generic[T]):
    """The entries that have the same literal keys, by their values."""

    __slots__ = ("entries", "keys")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        self.entries: dict[tuple[Any, ...], list[Entry[T]]] = {}


class Table(Generic[T]):
    """Patterns by their literal keys and values, so that finding one takes as long among ten as among 100,000.

    What takes longer is many different *sets* of keys: each costs a look into its own dictionary.
    """

    def __init__(self) -> None:
        self._entries: list[Entry[T]] = []
        self._groups: dict[tuple[int, tuple[str, ...]], Group[T]] = {}
        self._levels: list[list[Group[T]]] = []  # those with most literals first

    def __iter__(self) -> Iterator[Entry[T]]:
        """All entries, in the order of definition."""
        return iter(self._entries)

    def add(self, pattern: Pattern, target: T) -> None:
        """Raises ValueError if it is no pattern."""
        entry = Entry(pattern, target, len(self._entries))
        self._entries.append(entry)
        group = self._group(entry.specificity, tuple(key for key, _ in entry.literals))
        bucket = group.entries.setdefault(tuple(value for _, value in entry.literals), [])
        bucket.append(entry)
        bucket.sort(key=lambda entry: entry.rank, reverse=True)

    def _group(self, specificity: int, keys: tuple[str, ...]) -> Group[T]:
        group = self._groups.get((specificity, keys))
        if group is None:
            group = self._groups[specificity, keys] = Group(keys)
            levels = sorted({level for level, _ in self._groups}, reverse=True)
            self._levels = [[each for (at, _), each in self._groups.items() if at == level] for level in levels]
        return group

    def find(self, message: Message) -> Entry[T] | None:
        """The entry that fits best: most literals, then most expressions, then most "*", then the last defined."""
        get = message.get  # a key that the message lacks gives None, which is no literal and so leads nowhere
        for groups in self._levels:
            best: Entry[T] | None = None
            for group in groups:
                try:
                    bucket = group.entries.get(tuple(map(get, group.keys)))
                except TypeError:  # a list or an object in the message, which no literal equals
                    continue
                if bucket is not None:
                    for entry in bucket:
                        if entry.exact or entry.fits(message):
                            if best is None or entry.rank > best.rank:
                                best = entry
                            break
            if best is not None:
                return best
        return None


def check(pattern: Pattern) -> Mapping[str, Any]:
    """The pattern as a mapping. Raises ValueError if it is none."""
    if pattern == ANY:
        return {}
    if not isinstance(pattern, Mapping):
        raise ValueError(f'expected a pattern such as {{"role": "basic", "cmd": "add"}}, or "*"; found {pattern!r}')
    for key, value in pattern.items():
        if not isinstance(key, str):
            raise ValueError(f"expected text as key of a pattern, found {key!r} in {pattern!r}")
        if not (is_literal(value) or value == ANY or isinstance(value, re.Pattern)):
            raise ValueError(
                f'expected text, a number, true or false, "*" or a regular expression at {key!r} of a pattern; '
                f"found {value!r}"
            )
    return pattern


def is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)  # bool is an int


def is_literal(value: Any) -> bool:
    return is_plain(value) and value != ANY and value == value  # NaN equals nothing


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower()  # true and false as in JSON


def shown(pattern: Pattern) -> str:
    """A pattern as tables show it, such as `role: basic, cmd: *`."""
    if isinstance(pattern, str) or not pattern:
        return "*" if isinstance(pattern, str) else "{}"
    values = {key: f"/{value.pattern}/" if isinstance(value, re.Pattern) else value for key, value in pattern.items()}
    return ", ".join(f"{key}: {value}" for key, value in values.items())
