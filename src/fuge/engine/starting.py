"""How a service is started, be it a process or a container, and what must hold before."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence

from fuge import ports
from fuge.engine.containers import Containers
from fuge.errors import NotReadyError
from fuge.plan.system import Service
from fuge.services.backend import Backend
from fuge.services.container_making import NOT_OURS
from fuge.services.engines import Choice
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Listener, Process
from fuge.services.readiness import Probe


class Starter:
    """Starts services: processes by the launcher, containers by what is chosen for their image.

    `environment` tells what fuge puts into the environment of a service.
    """

    def __init__(
        self, launcher: Launcher, containers: Containers, environment: Callable[[Service], Mapping[str, str]]
    ) -> None:
        self._launcher, self._containers, self._environment = launcher, containers, environment

    def program(self, service: Service, words: Sequence[str] | None = None) -> Program:
        """What is started: `words`, or else the service's `run`. `python` is the Python that runs fuge.

        Of a container it is only the folder and environment of commands about it.
        """
        argv = list(words or shlex.split(service.run))
        if argv[:1] == ["python"]:
            argv[0] = sys.executable
        environment = {"PYTHONUNBUFFERED": "1"} | os.environ | dict(self._environment(service))
        return Program(tuple(argv), service.path or self._containers.folder, environment)

    async def choose(self, service: Service, progress: Callable[[str], None]) -> Choice:
        """What will run the image of a container; if that is not there, it is pulled. Raises NoEngineError."""
        return await self._containers.choose(service, progress)

    async def start(self, service: Service, program: Program, choice: Choice | None, listener: Listener) -> Backend:
        """Start a process, or a container by what was chosen for it. Raises NotReadyError or NoEngineError."""
        if choice is None:
            return await Process.start(self._launcher, program, listener)
        return await self._containers.start(service, choice, self._environment(service), listener)

    def probe(self, service: Service, program: Program, choice: Choice | None) -> Probe:
        """How its readiness is looked at, each time anew."""
        readiness = service.readiness
        port = service.port(readiness.what if readiness.kind == "tcp" else readiness.port)
        port = port or next(iter(service.ports), None)
        behind_proxy = choice is not None and choice.kind == "docker"
        return Probe(readiness, service.host, port.number if port else 0, program, self._launcher, behind_proxy)

    def close(self) -> None:
        self._containers.close()


def check_ports(service: Service, choice: Choice | None) -> None:
    """Raises NotReadyError, with the holder's name, for a port that is taken."""
    if choice is not None and choice.docker is not None:
        return  # Docker itself tells, and of other containers too
    for port in service.ports:
        if not ports.is_free(port.number, service.host):
            holder = ports.describe(ports.holder(port.number))
            advice = NOT_OURS if service.type == "container" else ""
            raise NotReadyError(f"port {port.number} ({service.name}/{port.name}) is held by {holder}{advice}")
