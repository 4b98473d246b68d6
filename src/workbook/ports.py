"""Ports of services: the usual ones, chosen ones, free ones."""

import os
import socket
from collections.abc import Iterable

import psutil

from fuge import ports as machine
from fuge.errors import FugeError
from workbook.errors import WorkbookError

HOST = "127.0.0.1"
CHOSEN = "FUGE_PORTS"  # "adder_service=9080 webapp=4000"; fuge reads it too


def variable(service: str) -> str:
    """The environment variable that says where a service listens, named as Kubernetes names it."""
    return service.upper().replace("-", "_") + "_SERVICE_PORT"


def environment(ports: dict[str, int]) -> dict[str, str]:
    """What tells a step about its ports: its services in the first steps, fuge in all others."""
    return {variable(service): str(port) for service, port in ports.items()} | {
        CHOSEN: " ".join(f"{service}={port}" for service, port in ports.items())
    }


def chosen() -> dict[str, int]:
    """The ports that FUGE_PORTS names."""
    found = {}
    for word in os.environ.get(CHOSEN, "").replace(",", " ").split():
        service, _, port = word.partition("=")
        found[service] = valid(port, f"{CHOSEN}: {service}")
    return found


def configured(service: str, default: int) -> int:
    """The port from the environment, else the default."""
    text = os.environ.get(variable(service))
    return valid(text, variable(service)) if text is not None else chosen().get(service, default)


def valid(text: str, name: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 65_536):
        raise WorkbookError(f"{name}: expected a port from 1 to 65535, found {text!r}")
    return int(text)


def pattern(port: int) -> str:
    """A regular expression that finds the number in a text, also in a name such as X_PORT_8080_TCP."""
    return rf"(?<![0-9]){port}(?![0-9])"


def is_free(port: int) -> bool:
    return machine.is_free(port, HOST)


def answers(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def free_ports(services: Iterable[str]) -> dict[str, int]:
    """A free port for each service, all different."""
    names = list(services)
    try:
        return dict(zip(names, machine.free(len(names)), strict=True))
    except FugeError as error:  # about the environment
        raise WorkbookError(str(error)) from None


def process(port: int) -> psutil.Process | None:
    """Who listens on a port; None where that cannot be seen."""
    return machine.holder(port)


def holder(port: int) -> str | None:
    """Who listens on a port, in words; None where that cannot be seen."""
    found = process(port)
    return machine.describe(found) if found else None
