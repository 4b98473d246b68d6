"""Ports of services: the usual ones, free ones, and who holds one."""

import os
import random
import socket
from collections.abc import Iterable

import psutil

from workbook.errors import WorkbookError

HOST = "127.0.0.1"
# Below every system's range for outgoing connections, so that none can take a port between the look and the use.
CANDIDATES = range(20_000, 30_000)


def variable(service: str) -> str:
    """The environment variable that says where a service listens, named as Kubernetes names it."""
    return service.upper().replace("-", "_") + "_SERVICE_PORT"


def environment(ports: dict[str, int]) -> dict[str, str]:
    return {variable(service): str(port) for service, port in ports.items()}


def configured(service: str, default: int) -> int:
    """The port from the environment, else the default."""
    text = os.environ.get(variable(service), str(default))
    if not (text.isdecimal() and 0 < int(text) < 65_536):
        raise WorkbookError(f"{variable(service)}: expected a port from 1 to 65535, found {text!r}")
    return int(text)


def is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def answers(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def free_ports(services: Iterable[str]) -> dict[str, int]:
    """A free port for each service, all different."""
    names = list(services)
    found: list[int] = []
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if len(found) == len(names):
            break
        if is_free(port):
            found.append(port)
    return dict(zip(names, found, strict=True))


def holder(port: int) -> str | None:
    """Who listens on a port, as "pid 123: python main.py"; None where that cannot be seen."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.pid
        if listens and connection.laddr and connection.laddr.port == port:
            try:
                return f"pid {connection.pid}: {' '.join(psutil.Process(connection.pid).cmdline())}"
            except psutil.Error:
                return f"pid {connection.pid}"
    return None
