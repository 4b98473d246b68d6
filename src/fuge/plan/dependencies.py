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
        follow(document, found, [name], done)
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


def follow(document: Document, found: Dependencies, way: list[str], done: set[str]) -> None:
    """Go on from the end of `way`; a step back onto it closes a circle."""
    last = way[-1]
    if last in done:
        return
    for other in found.get(last, {}):
        if other == last:
            continue  # said already
        if other in way:
            circle = " -> ".join([*way[way.index(other) :], other])
            where, at_key = place(document, last, other)
            document.complain(where, "no circle", circle, at_key=at_key)
        else:
            follow(document, found, [*way, other], done)
    done.add(last)


def place(document: Document, name: str, other: str) -> tuple[Where, bool]:
    """Where a service says that it depends on another, and whether it does so by a key."""
    where = (name, "depends_on")
    written = document.get(where)
    if isinstance(written, list):
        return (*where, written.index(other)), False
    return (*where, other), True
