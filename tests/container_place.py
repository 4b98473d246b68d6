"""A project whose containers run on a real engine, and what a test can see of them there."""

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import docker
import docker_images

from fuge.plan.system import Port, Service
from fuge.services.container import Container
from fuge.services.docker_engine import DockerEngine, Owner

SLEEPS = ("sh", "-c", "echo up; sleep 600")
LABEL = "fuge.project"


class Place:
    """A project in a folder. `said` has every line of its containers; what is left of them goes at the end."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.owner = self.another_run()
        self.api = docker.APIClient(base_url=url, version="auto")
        docker_images.make(self.api, docker_images.TINY)
        self.said: list[tuple[str, str]] = []
        self._heard = asyncio.Event()

    def another_run(self) -> Owner:
        return Owner(self.folder / "fuge.yml", self.folder / ".fuge", uuid.uuid4().hex)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[DockerEngine]:
        engine = await DockerEngine.connect(self.url)
        try:
            yield engine
        finally:
            engine.close()

    def service(self, *args: str, port: int = 0, target: int = 0, **more: Any) -> Service:
        ports = (Port("main", port, target or None),) if port else ()
        fields = {"name": "thing", "image": docker_images.TINY, "args": args or SLEEPS, "ports": ports}
        return Service(type="container", **(fields | more))

    async def start(
        self, engine: DockerEngine, service: Service, environment: Mapping[str, str] | None = None
    ) -> Container:
        def hear(stream: str, lines: list[str]) -> None:
            self.said += [(stream, line) for line in lines]
            self._heard.set()

        return await Container.start(engine, service, environment or {}, self.owner, hear)

    async def run(self, *args: str, **more: Any) -> int:
        """From the start of a container to its removal. Returns its exit code."""
        async with self.connected() as engine:
            container = await self.start(engine, self.service(*args, **more))
            code = await container.wait()
            await container.stop(signal.SIGTERM, 5)
        return code

    async def until_said(self, *lines: str) -> None:
        async with asyncio.timeout(15):
            while not {*lines} <= {line for _, line in self.said}:
                self._heard.clear()
                await self._heard.wait()

    @property
    def out(self) -> list[str]:
        return [line for stream, line in self.said if stream == "out"]

    @property
    def err(self) -> list[str]:
        return [line for stream, line in self.said if stream == "err"]

    def containers(self) -> list[str]:
        """The names of the project's containers, whether they run or not."""
        filters = {"label": f"{LABEL}={self.owner.project}"}
        return [each["Names"][0][1:] for each in self.api.containers(all=True, filters=filters)]

    def volumes(self) -> list[str]:
        filters = {"label": f"{LABEL}={self.owner.project}"}
        return [each["Name"] for each in self.api.volumes(filters=filters)["Volumes"] or ()]

    def volumes_in_use(self) -> list[str]:
        """Those of its containers, with a name or without."""
        mounts = [mount for name in self.containers() for mount in self.api.inspect_container(name)["Mounts"]]
        return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]

    def stray_volumes(self) -> set[str]:
        """The volumes without a name that no container has, whosever they are: an engine does not tell whose."""
        strays = self.api.volumes(filters={"dangling": True})["Volumes"] or ()
        return {each["Name"] for each in strays if not (each["Labels"] or {}).get(LABEL)}

    def close(self) -> None:
        for name in self.containers():
            self.api.remove_container(name, force=True, v=True)
        for name in self.volumes():
            self.api.remove_volume(name)
        self.api.close()
