"""What an engine is told of a container: from a service of fuge.yml to the words of Docker's API."""

import hashlib
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuge.errors import NotReadyError
from fuge.plan.discovery import in_container
from fuge.plan.location import project
from fuge.plan.system import Service
from fuge.services.docker_engine import KEEP, PROJECT, RUN, SERVICE, SETTINGS, Owner


@dataclass(frozen=True)
class Settings:
    """`create` holds the arguments of the SDK's create_container; `volumes` are the names of the project's own.

    `mark` is the same for two containers that have all settings in common.
    """

    name: str
    create: dict[str, Any]
    volumes: list[str]
    mark: str


def described(service: Service, environment: Mapping[str, str], owner: Owner) -> Settings:
    """Raises NotReadyError for what only this machine can tell, such as a folder that cannot be made."""
    mounts = [mount(volume, service, owner) for volume in service.volumes]
    create = {
        "image": service.image,
        "command": list(service.args) or None,
        "environment": in_container(service, environment),
        "ports": [(port.target or port.number, "tcp") for port in service.ports],
        "volumes": [target for source, target in mounts if not source],
        "host_config": {
            "Init": True,  # a first process that passes on signals, and that buries its orphans
            "Binds": [f"{source}:{target}" for source, target in mounts if source],
            "PortBindings": published(service),
        },
    }
    labels = {PROJECT: owner.project, SERVICE: service.name} | ({KEEP: "true"} if service.keep else {})
    mark = hashlib.sha256(json.dumps([create, labels], sort_keys=True).encode()).hexdigest()
    create["labels"] = labels | {SETTINGS: mark, RUN: owner.run}
    named = [source for source, _ in mounts if source and "/" not in source]
    return Settings(f"{word(owner)}-{service.name}", create, named, mark)


def word(owner: Owner) -> str:
    """A word for the project, for people."""
    return re.sub(r"[^a-z0-9_.-]|^[^a-z0-9]+", "", project(owner.file).lower()) or "fuge"


def mount(text: str, service: Service, owner: Owner) -> tuple[str, str]:
    """Of SOURCE:TARGET[:MODE] the source, a folder or a volume of the project, and the rest; of TARGET "" and it.

    A folder is relative to the fuge.yml, and is made if it is not there: by this user, whom the engine is not.
    """
    source, colon, target = text.partition(":")
    if not colon:
        return "", text
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", source):
        mark = hashlib.sha256(owner.project.encode()).hexdigest()[:8]
        return f"{word(owner)}-{mark}-{source}", target
    path = (owner.file.parent / Path(source).expanduser()).resolve()
    try:
        if not path.exists():
            path.mkdir(parents=True)
    except OSError as error:
        reason = f"the folder {path} is not there, and cannot be made: {error.strerror}"
        raise NotReadyError(f"{service.name}: the volume {text} cannot be used: {reason}") from None
    return str(path), target


def published(service: Service) -> dict[str, list[dict[str, str]]]:
    """The ports inside, and where each is reached from outside; the engine wants an address there, not a name."""
    found: dict[str, list[dict[str, str]]] = {}
    if not service.ports:
        return found
    try:
        address = socket.getaddrinfo(service.host, None, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        raise NotReadyError(f"{service.name}: its host {service.host} has no address: {error.strerror}") from None
    for port in service.ports:
        place = {"HostIp": str(address), "HostPort": str(port.number)}
        found.setdefault(f"{port.target or port.number}/tcp", []).append(place)
    return found
