"""A stack for Docker Swarm: the system on several machines.

Names lead to the instances themselves (`endpoint_mode: dnsrr`), ports are those of the machines (`mode: host`): so it
works where the kernel has no IPVS, too, and a Swarm that has it takes the same file.
"""

from collections.abc import Iterator
from typing import Any

from fuge.export import docker
from fuge.export.notes import Notes
from fuge.export.output import Output, head
from fuge.export.units import Unit, Units
from fuge.export.yaml import text

FILE = "stack.yaml"
AT_ONCE = "Swarm starts all at once: it must be able to wait for the others by itself"
CONDITIONS = {"never": "none", "on-failure": "on-failure", "always": "any"}


def output(units: Units, notes: Notes) -> Output:
    content = {
        "version": "3.8",
        **docker.shared(units),
        "services": {unit.name: service(unit, units, notes) for unit in units.units},
        "networks": {"default": {"driver": "overlay"}},
        **docker.named_volumes(units),
    }
    secrets = {docker.secret_file(unit): "".join(secret_lines(unit, notes)) for unit in units.units if unit.secrets}
    start = f"docker stack deploy --resolve-image never -c {FILE} {units.project}"
    comment = head("swarm", units, start, notes)
    return Output(FILE, comment + text(docker.literal(content)), private=secrets)


def service(unit: Unit, units: Units, notes: Notes) -> dict[str, Any]:
    if unit.declared.depends_on:
        notes.at((unit.name, "depends_on"), AT_ONCE)
    unit = unit.without_folders(notes)
    if volumes := [mount.source for mount in unit.mounts if mount.kind == "volume"]:
        reason = f"{', '.join(volumes)} is another one on each machine: keep it on one, by a placement constraint"
        notes.at((unit.name, "volumes"), reason)
    return {
        **docker.service(unit, units),
        **docker.named("ports", [*published(unit)]),
        "deploy": deploy(unit, notes),
    }


def published(unit: Unit) -> Iterator[dict[str, Any]]:
    for port in unit.outside:
        here = unit.declared.port(port.name)
        number = {} if here is None or here.auto else {"published": here.number}
        yield {"target": port.number, **number, "protocol": "tcp", "mode": "host"}


def deploy(unit: Unit, notes: Notes) -> dict[str, Any]:
    declared = unit.declared
    if unit.waits:
        scale = f"docker service scale STACK_{unit.name}=1"
        notes.at((unit.name, "enabled"), f"it is there without an instance: `{scale}` starts it")
    alone = any(not port.auto for port in unit.outside)
    return {
        "endpoint_mode": "dnsrr",
        "replicas": 0 if unit.waits else declared.replicas,
        **({"placement": {"max_replicas_per_node": 1}} if alone else {}),
        "restart_policy": restart(unit, notes),
        "resources": docker.resources(unit),
    }


def restart(unit: Unit, notes: Notes) -> dict[str, Any]:
    """What the file says; else what is to run on is started again: a machine that goes would end it for good."""
    declared = unit.declared
    if declared.restart == "never":
        return {"condition": "none" if unit.ends or notes.says_restart(unit.name) else "any"}
    if not declared.max_restarts:  # which means no end of them to Swarm
        return {"condition": "none"}
    delay = f"{max(1, round(1000 * min(declared.restart_delay, 1e6)))}ms"
    return {"condition": CONDITIONS[declared.restart], "delay": delay, "max_attempts": declared.max_restarts}


def secret_lines(unit: Unit, notes: Notes) -> Iterator[str]:
    """In Docker's form, which has no quotes."""
    for name, value in unit.secrets.items():
        if "\n" in value or "\r" in value:
            reason = f"{name} has a line break, which Docker's env_file cannot hold: it is left out"
            notes.at((unit.name, "environment"), reason)
        else:
            yield f"{name}={value}\n"
