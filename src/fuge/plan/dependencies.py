"""What a service waits for before it starts: every name known, and no circles."""

from collections.abc import Mapping

from fuge.plan.faults import Where, nearest
from fuge.plan.places import Document
from fuge.plan.schema import GLOBAL, Entry
from fuge.plan.system import Condition

Dependencies = dict[str, dict[str, Condition]]


def check(document: Document, entries: Mapping[str, Entry]) -> Dependencies:
    """The services that each service waits for. Notes the faults among them, and each circle once."""
    known = [name for name in document.value if name != GLOBAL]
    found: Dependencies = {}
    for name, entry in entries.items():
        found[name] = conditions(entry)
        for other in found[name]:
            check_one(document, name, other, known)
    done: set[str] = set()
    for name in found:
        follow(document, found, name, done)
    return found


def conditions(entry: Entry) -> dict[str, Condition]:
    if isinstance(entry.depends_on, dict):
        return entry.depends_on
    return dict.fromkeys(entry.depends_on, "ready")


def check_one(document: Document, name: str, other: str, known: list[str]) -> None:
    where, at_key = place(document, name, other)
    if other == name:
        document.complain(where, "another service", "the service itself", at_key=at_key)
    elif other not in known:
        others = [service for service in known if service != name]
        document.complain(where, "a service of this file", repr(other), nearest(other, others), at_key=at_key)


def follow(document: Document, found: Dependencies, start: str, done: set[str]) -> None:
    """Walk all ways from a service; a step back onto the way there closes a circle."""
    way = {start: iter(found[start])} if start not in done else {}
    while way:
        last, others = next(reversed(way.items()))
        other = next(others, None)
        if other is None:
            done.add(last)
            del way[last]
        elif other in way and other != last:  # a service that waits for itself is told of already
            names = list(way)
            circle = " -> ".join([*names[names.index(other) :], other])
            where, at_key = place(document, last, other)
            document.complain(where, "no circle", circle, at_key=at_key)
        elif other not in way and other not in done:
            way[other] = iter(found.get(other, {}))


def place(document: Document, name: str, other: str) -> tuple[Where, bool]:
    """Where a service says that it depends on another, and whether it does so by a key."""
    where = (name, "depends_on")
    written = document.get(where)
    if isinstance(written, list):
        return (*where, written.index(other)), False
    return (*where, other), True
