"""The rows of the page, one for each instance: by the engine, or without one by the file."""

from collections.abc import Iterable, Mapping
from typing import Any

from fuge.engine import reports
from fuge.engine.states import DISABLED, STOPPED
from fuge.errors import FugeError
from fuge.faces.session import Session
from fuge.faces.ui.usage import Load
from fuge.plan.system import Service

Row = Mapping[str, Any]
FIELDS = (
    *("name", "service", "type", "group", "image", "enabled", "depends_on", "host", "ports"),
    *("status", "reason", "fault", "started", "restarts", "pid", "tail"),
)


def of(services: Iterable[Row], loads: Mapping[str, Load]) -> dict[str, Row]:
    """By name, in the file's order. "cpu" is in percent of one processor, "memory" in bytes; None: not known."""
    return {row["name"]: shown(row, loads.get(row["name"])) for row in services}


def shown(row: Row, load: Load | None) -> Row:
    cpu, memory = load or (None, None)
    return {field: row[field] for field in FIELDS} | {"cpu": cpu, "memory": memory}


def pids(services: Iterable[Row]) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in services if row["pid"]}


def without_engine(session: Session, last: Mapping[str, Row]) -> dict[str, Row]:
    """When fuge has ended so have its services: those that there were, or those of the file if none is known."""
    if last:
        gone = {"status": STOPPED, "reason": "", "fault": "", "started": None, "pid": None, "cpu": None, "memory": None}
        return {name: {**row, **(gone if row["status"] != DISABLED else {})} for name, row in last.items()}
    try:
        return {service.name: planned(service) for service in session.system.everything.values()}
    except FugeError:  # a file that is not right: whoever starts it is told
        return {}


def planned(service: Service) -> Row:
    """Of a service that nobody has started."""
    row = {
        "name": service.name,
        "service": service.origin,
        "type": service.type,
        "group": service.group,
        "host": service.host,
        "ports": {port.name: port.number for port in service.ports},
        "status": DISABLED if service.problem else STOPPED,
        "reason": service.problem,
        "fault": "",
        "started": None,
        "restarts": 0,
        "pid": None,
        "tail": service.tail,
    }
    return shown(row | reports.planned(service), None)
