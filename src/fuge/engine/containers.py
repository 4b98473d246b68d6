"""Starts the services of a system that are containers, each by the engine that is chosen for its image."""

import os
from collections.abc import Callable, Mapping

from fuge.plan.system import Service, System
from fuge.services.backend import Backend
from fuge.services.container import Container
from fuge.services.docker_engine import Owner
from fuge.services.engines import Choice, Engines
from fuge.services.launcher import Launcher
from fuge.services.process import Listener
from fuge.services.pulling import now_and_then
from fuge.services.servers import ServerProcess, known

PAUSE = 2  # seconds between two texts about an image that is being pulled


class Containers:
    """`run` marks what this run of fuge starts; `say` is told what an earlier one had left, and is removed."""

    def __init__(self, system: System, launcher: Launcher, run: str, say: Callable[[str], None]) -> None:
        self.folder = system.file.parent
        self._data, self._launcher = system.data, launcher
        self._owner = Owner(system.file, system.data, run)
        self._engines = Engines(system.container_engine_url, self._owner, say)

    async def choose(self, service: Service, progress: Callable[[str], None]) -> Choice:
        """What will run it; an image that is not there is pulled. Raises NoEngineError if there is nothing."""
        return await self._engines.choose(service, now_and_then(progress, PAUSE))

    async def start(
        self, service: Service, choice: Choice, environment: Mapping[str, str], listener: Listener
    ) -> Backend:
        """Start it by that choice. `environment` is what fuge puts in; a program of this machine has its own too."""
        if choice.docker:
            server = known(service.image)
            published = server.published(service) if server else service
            return await Container.start(choice.docker, published, environment, self._owner, listener)
        assert choice.server
        assert choice.program
        whole = os.environ | dict(environment)
        return await ServerProcess.run(
            self._launcher, choice.server, choice.program, service, whole, self._data, listener
        )

    def close(self) -> None:
        self._engines.close()
