"""A Compose file: the system in containers of one machine, without fuge."""

import re
from collections.abc import Iterator
from typing import Any

from concordant.naming import is_address
from fuge.export import docker, looks
from fuge.export.notes import Notes
from fuge.export.output import Output, head
from fuge.export.units import Unit, Units
from fuge.export.yaml import text
from fuge.plan.system import Condition

FILE = "compose.yaml"
CONDITIONS: dict[Condition, str] = {
    "started": "service_started",
    "ready": "service_healthy",
    "completed": "service_completed_successfully",
}


def output(units: Units, notes: Notes) -> Output:
    content = {
        "name": units.project,
        **docker.shared(units),
        "services": {unit.name: service(unit, units, notes) for unit in units.units},
        **docker.named_volumes(units),
    }
    start = f"docker compose -f {FILE} up -d --wait"
    secrets = {docker.secret_file(unit): "".join(secret_lines(unit)) for unit in units.units if unit.secrets}
    comment = head("compose", units, start, notes)
    return Output(FILE, comment + text(docker.literal(content)), private=secrets)


def service(unit: Unit, units: Units, notes: Notes) -> dict[str, Any]:
    count = instances(unit, notes)
    return {
        **({"pull_policy": "never"} if unit.is_built and not units.images.registry else {}),
        **docker.service(unit, units),
        **({"security_opt": ["no-new-privileges:true"]} if unit.user else {}),
        **docker.named("ports", [*published(unit, notes)]),
        **docker.named("depends_on", waits(unit, units, notes)),
        "restart": restart(unit, notes),
        **({"profiles": ["manual"]} if unit.waits else {}),
        "deploy": {**({"replicas": count} if count > 1 else {}), "resources": docker.resources(unit)},
    }


def published(unit: Unit, notes: Notes) -> Iterator[str]:
    """The ports of this machine that lead to it, at the address that the fuge.yml says; an `auto` one is any."""
    host = unit.declared.host
    if unit.outside and not is_address(host) and host != "localhost":
        notes.of(unit.name, "host", "Compose wants an address, and no name: it is reached at 127.0.0.1")
    place = (f"[{host}]" if ":" in host else host) if is_address(host) else "127.0.0.1"
    for port in unit.outside:
        here = unit.declared.port(port.name)
        number = "" if here is None or here.auto else str(here.number)
        yield f"{place}:{number}:{port.number}"


def instances(unit: Unit, notes: Notes) -> int:
    count = unit.declared.replicas
    if count > 1 and any(not port.auto for port in unit.outside):
        reason = "instances on one machine cannot share its port: one runs; put a proxy before several"
        notes.at((unit.name, "replicas"), reason)
        return 1
    return count


def waits(unit: Unit, units: Units, notes: Notes) -> dict[str, Any]:
    found = {}
    for name, condition in unit.declared.depends_on.items():
        other = units.unit(name)
        if other is None:  # it is somebody else's
            continue
        if condition == "ready" and looks.command(other) is None:
            if looks.is_blind(other) or other.service.readiness.kind == "log":
                reason = f"nothing in the container of {name} can tell that it is ready: its start is waited for"
                notes.at((unit.name, "depends_on"), reason)
            condition = "started"
        found[name] = {"condition": CONDITIONS[condition]}
    return found


def restart(unit: Unit, notes: Notes) -> str:
    """What the file says; else what is to run on is started again, as nobody sits before it there."""
    declared = unit.declared
    if declared.restart == "never":
        return "no" if unit.ends or unit.waits or notes.says_restart(unit.name) else "unless-stopped"
    notes.of(unit.name, "restart_delay", "Compose has its own pauses between restarts")
    if declared.restart == "always":
        notes.of(unit.name, "max_restarts", "Compose bounds restarts after failures alone")
        return "always"
    return f"on-failure:{declared.max_restarts}" if declared.max_restarts else "no"


def secret_lines(unit: Unit) -> Iterator[str]:
    """In Compose's own form: single quotes hold all but themselves, line breaks, and a backslash before their end."""
    for name, value in unit.secrets.items():
        if re.search(r"['\\\r\n]", value):
            escaped = re.sub(r'([\\"$])', r"\\\1", value).replace("\n", "\\n").replace("\r", "\\r")
            yield f'{name}="{escaped}"\n'
        else:
            yield f"{name}='{value}'\n"
