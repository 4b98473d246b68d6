"""What can be said of a running service, as plain data: for tables, JSON, and people."""

import os
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fuge.engine.running import Running
from fuge.engine.states import RUNNING
from fuge.plan.records import Zone, is_below
from fuge.plan.system import Service
from fuge.plan.zone import listed
from fuge.services.engines import Choice


def row(running: Running) -> dict[str, Any]:
    """One line of `ps`. "started" is in seconds since the epoch; "ports" are {name: number}.

    "engine" is what was chosen to run a container: its "kind", "title", "how" and "why".
    """
    service, life, process = running.service, running.life, running.life.process
    return {
        "name": service.name,
        "service": service.origin,
        "type": service.type,
        "group": service.group,
        "status": running.state,
        "watch": running.watch,
        "tail": running.tail,
        "host": service.host,
        "ports": {port.name: port.number for port in service.ports},
        "pid": process.pid if process else None,
        "started": process.started if process else None,
        "uptime": round(time.time() - process.started, 1) if process else None,
        "restarts": life.restarts,
        "exit_code": life.exit_code,
        "reason": running.reason,
        "engine": engine(life.choice),
    }


def planned(service: Service) -> dict[str, Any]:
    """What a picture of the system shows of an instance, whether it runs or not."""
    return {
        "image": service.image,
        "enabled": service.enabled,
        "depends_on": dict(service.depends_on),
    }


def count(instances: Sequence[Running]) -> dict[str, Any]:
    """How many instances of a service there are."""
    ready = [running for running in instances if running.ready]
    return {"service": instances[0].service.origin, "instances": len(instances), "ready": len(ready)}


def zone(known: Iterable[Zone], apex: str = "") -> list[dict[str, Any]]:
    """The records by which services are found; "port", "priority" and "weight" are of SRV records alone.

    `apex` asks for those of that name and below it.
    """
    found = []
    for record in listed(known):
        if not is_below(record.name, apex):
            continue
        row: dict[str, Any] = {"type": record.type, "domain": record.name, "address": record.address}
        row["port"] = record.port
        if record.type == "SRV":
            row |= {"priority": record.priority, "weight": record.weight}
        found.append(row)
    return found


def engine(choice: Choice | None) -> dict[str, str] | None:
    if choice is None:
        return None
    return {"kind": choice.kind, "title": choice.title, "how": choice.how, "why": choice.why}


def image(service: Service) -> str:
    """A container's image and the words that are given to it."""
    return shlex.join([service.image, *service.args])


def info(running: Running, environment: Mapping[str, str]) -> dict[str, Any]:
    """What `info` shows; "environment" is what fuge puts in, "inherited" what comes from fuge's own."""
    service = running.service
    return row(running) | {
        "run": " ".join(running.debug) if running.debug else service.run or image(service),
        "directory": str(service.path) if service.path else None,
        "repository": service.repository_url or None,
        "test": service.test or None,
        "start": running.life.process.how if running.life.process else None,
        "environment": dict(environment),
        "inherited": {name: value for name, value in os.environ.items() if name not in environment},
    }


def why(running: Running, all_running: Mapping[str, Running], fault: Callable[[str], str]) -> dict[str, Any]:
    """The state of a service and its cause, down to the services it depends on. `fault` tells what is set for one."""
    life, probe = running.life, running.life.probe
    return {
        "service": running.service.name,
        "status": running.state,
        "reason": running.reason,
        "fault": fault(running.service.name),
        "probe": probe.error if probe and running.state != RUNNING else "",
        "exit_code": life.exit_code,
        "restarts": life.restarts,
        "last_lines": list(running.recent),
        "depends_on": [
            why(all_running[name], all_running, fault) | {"condition": condition}
            for name, condition in running.service.depends_on.items()
        ],
    }
