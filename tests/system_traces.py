"""The traces of a step's system, as its fuge has kept them."""

import json
from typing import Any

from workbook.system import System

Place = tuple[str, str]  # the service and the name of a span
TO_THE_ADDER: dict[Place, Place | None] = {
    ("webapp", "POST /add/calculate"): None,
    ("webapp", "role: basic"): ("webapp", "POST /add/calculate"),
    ("adder_service", "role: basic, cmd: add"): ("webapp", "role: basic"),
}
TO_THE_AUDIT: dict[Place, Place | None] = {
    ("webapp", "role: audit"): ("webapp", "POST /add/calculate"),
    ("audit_service", "role: audit, cmd: append"): ("webapp", "role: audit"),
    ("audit_service", "audit.insert"): ("audit_service", "role: audit, cmd: append"),
}
THROUGH_THE_QUEUE: dict[Place, Place | None] = {
    ("webapp", "role: events"): ("webapp", "POST /add/calculate"),
    ("event_service", "role: events, cmd: record"): ("webapp", "role: events"),
    ("event_service", "events.insert"): ("event_service", "role: events, cmd: record"),
}


def way_of_an_addition(system: System) -> dict[Place, Place | None]:
    """Each span below the one that it belongs to, as far as the system has the services for it."""
    parts = {"adder_service": TO_THE_ADDER, "audit_service": TO_THE_AUDIT, "event_service": THROUGH_THE_QUEUE}
    return {place: above for name, part in parts.items() if name in system.ports for place, above in part.items()}


def spans(system: System, *words: str) -> list[dict[str, Any]]:
    """Of the newest trace that is like that."""
    found: list[dict[str, Any]] = json.loads(system.fuge("traces", "--limit=1", *words, "--json"))
    whole: dict[str, Any] = json.loads(system.fuge("traces", found[0]["id"], "--json")) if found else {"spans": []}
    return list(whole["spans"])


def failed_spans(system: System) -> list[dict[str, Any]]:
    return [span for span in spans(system, "--errors") if span["error"]]


def way(found: list[dict[str, Any]]) -> dict[Place, Place | None]:
    names = {span["id"]: (span["service"], span["name"]) for span in found}
    return {names[span["id"]]: names.get(span["parent"]) for span in found}


def has_gone_all_the_way(system: System) -> bool:
    """The newest one in which the webapp has a part. There may be more, such as another attempt, where a database was
    slow."""
    return way_of_an_addition(system).items() <= way(spans(system, "--service=webapp")).items()


def add(system: System, first: str, second: str) -> int:
    """The status of the answer."""
    return system.post("webapp", "/add/calculate", first=first, second=second).status
