"""The zones as a server looks names up: by their labels, never as text, for a label may hold a dot."""

from collections.abc import Iterable

from fuge.plan.records import Record, Zone

Labels = tuple[bytes, ...]


class Catalogue:
    """Finds zones and records by name, whatever its case, with - or _ in it."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        self._zones: dict[Labels, Zone] = {}
        self._records: dict[Labels, list[Record]] = {}  # each name that exists; those above a name exist as well
        for zone in zones:
            apex = labels_of(zone.apex)
            self._zones[apex] = zone
            self._add(apex, apex)
            for name in zone.empty:
                self._add(labels_of(name), apex)
            for record in zone.records:
                self._add(labels_of(record.name), apex).append(record)

    def _add(self, name: Labels, apex: Labels) -> list[Record]:
        for length in range(len(apex), len(name)):
            self._records.setdefault(name[len(name) - length :], [])
        return self._records.setdefault(name, [])

    def zone(self, name: Labels) -> Zone | None:
        """The zone that a name belongs to, the longest if there are several."""
        known = spelled(name)
        return next((self._zones[known[n:]] for n in range(len(known) + 1) if known[n:] in self._zones), None)

    def records(self, name: Labels) -> list[Record] | None:
        """What is at a name; None if there is no such name."""
        return self._records.get(spelled(name))


def labels_of(name: str) -> Labels:
    return spelled(tuple(name.encode("ascii").split(b"."))) if name else ()


def spelled(name: Labels) -> Labels:
    """As names are compared: in lower case, and `adder_service` as `adder-service`; the _ of `_tcp` stays."""
    return tuple(label[:1].lower() + label[1:].lower().replace(b"_", b"-") for label in name)
