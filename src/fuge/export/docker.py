"""What Compose and Swarm have in common: a service of a Compose file."""

import signal
from collections.abc import Iterator, Mapping
from typing import Any

from fuge.export import hints, looks
from fuge.export.mounts import Mount
from fuge.export.units import Unit, Units
from fuge.export.yaml import Anchored, Reference

DNS = {
    "DNS_MODE": "A",  # Docker's DNS has no SRV records
    "DNS_LOOKUP_INTERVAL": "5",  # seconds: it says that its answers are good for ten minutes, and then changes them
}
TOLD = "told"  # the name of what all services are told


def service(unit: Unit, units: Units) -> dict[str, Any]:
    """Without what one of the two only can do."""
    declared = unit.declared
    return {
        "image": unit.image,
        **({"command": list(declared.args)} if declared.args else {}),
        **({"user": unit.user, "read_only": True, "cap_drop": ["ALL"]} if unit.user else {}),
        "init": True,
        **environment(unit, units),
        **({"networks": {"default": {"aliases": unit.names}}} if unit.names else {}),
        **named("volumes", [*volumes(unit.mounts)]),
        **named("healthcheck", health(unit)),
        "stop_signal": signal.Signals(declared.terminate).name,
        "stop_grace_period": f"{hints.seconds(declared.grace_period)}s",
    }


def environment(unit: Unit, units: Units) -> dict[str, Any]:
    shared = {"<<": Reference(TOLD)} if unit.is_told and units.shared else {}
    own = {**shared, **unit.environment}
    return named("environment", own) | ({"env_file": [secret_file(unit)]} if unit.secrets else {})


def secret_file(unit: Unit) -> str:
    return f"{unit.label}.secrets.env"


def volumes(mounts: tuple[Mount, ...]) -> Iterator[dict[str, Any]]:
    for mount in mounts:
        read_only = {"read_only": True} if mount.read_only else {}
        match mount.kind:
            case "scratch":
                yield {"type": "tmpfs", "target": mount.target}
            case "volume":
                yield {"type": "volume", "source": mount.source, "target": mount.target, **read_only}
            case "folder":
                yield {"type": "bind", "source": mount.source, "target": mount.target, **read_only}


def health(unit: Unit) -> dict[str, Any]:
    """Until its time is over, a look that fails is none; after that, three."""
    command, ready = looks.command(unit), unit.service.readiness
    if command is None:
        return {}
    return {
        "test": command,
        "interval": f"{max(2, hints.seconds(ready.interval))}s",
        "timeout": f"{looks.PATIENCE}s",
        "retries": 3,
        "start_period": f"{hints.seconds(ready.timeout)}s",
    }


def resources(unit: Unit) -> dict[str, Any]:
    hint = hints.of(unit)
    return {
        "reservations": {"cpus": f"{hint.processor:g}", "memory": f"{hint.memory}M"},
        "limits": {"memory": f"{hint.most_memory}M"},
    }


def shared(units: Units) -> dict[str, Any]:
    return {f"x-{TOLD}": Anchored(TOLD, units.shared)} if units.shared else {}


def named_volumes(units: Units) -> dict[str, Any]:
    names: dict[str, Any] = {
        mount.source: {} for unit in units.units for mount in unit.mounts if mount.kind == "volume"
    }
    return named("volumes", names)


def named(key: str, value: Any) -> dict[str, Any]:
    """Nothing if there is nothing to say."""
    return {key: value} if value else {}


def literal(value: Any) -> Any:
    """The same, so that Compose does not take a dollar sign for a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Anchored):
        return Anchored(value.name, literal(dict(value)))
    if isinstance(value, Mapping):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [literal(item) for item in value]
    return value
