"""What is started for a service, what must hold before, how it is looked at, and its end in words."""

import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from fuge import ports
from fuge.errors import NotReadyError
from fuge.plan.system import Service
from fuge.services.container_making import NOT_OURS
from fuge.services.launcher import Launcher, Program
from fuge.services.readiness import Probe


def program_of(service: Service, words: Sequence[str] | None, environment: Mapping[str, str], folder: Path) -> Program:
    """What is started: `words`, or else the service's `run`. `python` is the Python that runs fuge.

    For a container it is only the folder (`folder`, as it has none) and environment of commands about it.
    """
    argv = list(words or shlex.split(service.run))
    if argv[:1] == ["python"]:
        argv[0] = sys.executable
    return Program(tuple(argv), service.path or folder, {"PYTHONUNBUFFERED": "1"} | os.environ | dict(environment))


def probe_of(service: Service, program: Program, launcher: Launcher, behind_proxy: bool) -> Probe:
    """How its readiness is looked at, each time anew."""
    readiness = service.readiness
    port = service.port(readiness.what if readiness.kind == "tcp" else readiness.port)
    port = port or next(iter(service.ports), None)
    return Probe(readiness, service.host, port.number if port else 0, program, launcher, behind_proxy)


def check_ports(service: Service) -> None:
    """Raises NotReadyError, with the holder's name, for a port that is taken."""
    for port in service.ports:
        if not ports.is_free(port.number, service.host):
            holder = ports.describe(ports.holder(port.number))
            advice = NOT_OURS if service.type == "container" else ""
            raise NotReadyError(f"port {port.number} ({service.name}/{port.name}) is held by {holder}{advice}")


def addresses(service: Service) -> list[str]:
    """Where a service is reached; a port that is called http or https gives a link."""
    return [
        f"{port.name}://{service.host}:{port.number}"
        if port.name in ("http", "https")
        else f"{service.host}:{port.number}"
        for port in service.ports
    ]


def end(code: int) -> str:
    """How a process ended, in words."""
    return f"ended with exit code {code}" if code >= 0 else f"ended by {signal_name(-code)}"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
