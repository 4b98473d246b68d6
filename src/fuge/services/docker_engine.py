"""The connection to a Docker engine: its images and containers, and whose these are. Threads make the calls."""

import asyncio
import contextlib
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fuge.errors import FugeError, NoEngineError
from fuge.plan.faults import visible
from fuge.services.docker_sdk import CONNECT, Refusal, sdk, silent, translated
from fuge.services.pulling import Progress
from fuge.services.threads import in_loop, in_thread

ANSWER = 60  # seconds for all but the first answer: a slow disk, a large image
LAST_LINES = 20  # of a build that has failed
COLOUR = re.compile(r"\x1b\[\d*m")  # of what a build says on its stderr
# Labels of containers, and of the volumes that belong to a project.
PROJECT, RUN, SERVICE, KEEP, SETTINGS = (f"fuge.{name}" for name in ("project", "owner", "service", "keep", "settings"))

T = TypeVar("T")


@dataclass(frozen=True)
class Owner:
    """Whose a container is: of the system with this fuge.yml and data folder, and of this `run` of fuge.

    `lost` are the containers that may still be there, since the engine was not when they were to be removed.
    """

    file: Path
    data: Path
    run: str
    lost: set[str] = field(default_factory=set, compare=False)

    @property
    def project(self) -> str:
        return str(self.data)


class DockerEngine:
    """Made by `connect`. `name` is what it calls itself, with its version."""

    def __init__(self, url: str, name: str, api: Any) -> None:
        self.url, self.name = url, name
        self._api = api

    @classmethod
    async def connect(cls, url: str) -> "DockerEngine":
        """Such as unix:///var/run/docker.sock or tcp://host:2375. Raises NoEngineError, with the reason, within 2 s."""
        await in_thread(sdk)  # to import it may take longer, once
        try:
            async with asyncio.timeout(CONNECT):
                return await in_thread(lambda: cls._connected(url))
        except TimeoutError:
            raise NoEngineError(silent(url, CONNECT)) from None

    @classmethod
    def _connected(cls, url: str) -> "DockerEngine":
        with translated(url):
            tls = sdk().utils.kwargs_from_env().get("tls", False) if url.startswith("tcp://") else False
            api = sdk().APIClient(base_url=url, version="auto", timeout=CONNECT, tls=tls)
            api.headers["Connection"] = "close"  # the SDK would keep one open for each address that it asks
            try:
                version = api.version()
            except BaseException:
                api.close()
                raise
        api.timeout = ANSWER
        parts = [part["Name"] for part in version.get("Components") or ()]
        kind = "Podman" if any("Podman" in part for part in parts) else "Docker"
        return cls(url, f"{kind} {version['Version']}", api)

    def close(self) -> None:
        self._api.close()

    async def call(self, work: Callable[[Any], T], patience: float | None = ANSWER) -> T:
        """What `work` returns, which a thread does with the SDK's client.

        Raises Refusal for what the engine refuses, NoEngineError when it is not there any more, or does not answer
        within `patience` seconds: the thread is then left to itself.
        """
        try:
            async with asyncio.timeout(patience):
                return await in_thread(lambda: self.do(work))
        except TimeoutError:
            raise NoEngineError(silent(self.url, patience)) from None

    def do(self, work: Callable[[Any], T]) -> T:
        """The same in this thread, however long it takes."""
        with translated(self.url):
            return work(self._api)

    # Images ---------------------------------------------------------------------------------------------------

    async def has(self, image: str) -> bool:
        """Whether the image is there."""
        try:
            await self.call(lambda api: api.inspect_image(image))
        except Refusal as refusal:
            if refusal.is_missing:
                return False
            raise NoEngineError(f"{self.name} cannot look for the image {image}: {refusal}") from None
        return True

    async def pull(self, image: str, progress: Callable[[str], None]) -> None:
        """Get an image from its registry. `progress` is told now and then how far that is.

        Raises NoEngineError, with the reason, if it cannot be had.
        """
        loop, given_up = asyncio.get_running_loop(), threading.Event()

        def work(api: Any) -> None:
            so_far = Progress(image)
            for step in api.pull(image, stream=True, decode=True):
                if given_up.is_set():
                    return
                if "error" in step:
                    raise Refusal(step["error"])
                if text := so_far.take(step):
                    in_loop(loop, progress, text)

        try:
            await self.call(work, None)
        except Refusal as refusal:
            advice = f"try `docker pull {image}` later, or build it (docker build -t {image} FOLDER)"
            reason = f"it cannot be pulled: {refusal}"
            raise NoEngineError(f"{self.name} has no image {image}, and {reason}; {advice}") from None
        finally:
            given_up.set()

    async def build(self, folder: Path, image: str, arguments: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Make an image of a folder with a Dockerfile. `say` is told each step.

        Raises NoEngineError with what was said last, if that fails.
        """
        loop, given_up = asyncio.get_running_loop(), threading.Event()
        said: deque[str] = deque(maxlen=LAST_LINES)

        def work(api: Any) -> None:
            building = api.build(
                path=str(folder), tag=image, buildargs=dict(arguments), rm=True, forcerm=True, decode=True
            )
            for step in building:
                if given_up.is_set():
                    return
                if "error" in step:
                    raise Refusal(step["error"])
                lines = [visible(line) for line in COLOUR.sub("", step.get("stream", "")).splitlines() if line.strip()]
                said.extend(lines)
                for line in lines:
                    if line.startswith("Step "):
                        in_loop(loop, say, line)

        try:
            await self.call(work, None)
        except Refusal as refusal:
            raise NoEngineError("\n".join([*said, f"{self.name} cannot build {image}: {refusal}"])) from None
        finally:
            given_up.set()

    # Containers -----------------------------------------------------------------------------------------------

    async def sweep(self, owner: Owner) -> list[str]:
        """Remove the containers that an earlier run of this project has left; those to be kept are only stopped.

        Returns the names of those that are removed.
        """

        def work(api: Any) -> list[str]:
            removed = []
            for each in api.containers(all=True, filters={"label": [f"{PROJECT}={owner.project}"]}):
                if each["Labels"].get(RUN) == owner.run:
                    continue
                if KEEP in each["Labels"]:
                    api.stop(each["Id"])
                else:
                    remove(api, each["Id"])
                    removed.append(name_of(each))
            return removed

        return await self.call(work)

    def remove_lost(self, owner: Owner) -> None:
        """In this thread, what could not be removed before; what cannot be removed now either will be tried again."""
        for container in [*owner.lost]:
            with contextlib.suppress(FugeError):
                self.do(partial(remove, container=container))
                owner.lost.discard(container)

    async def holder(self, port: int) -> str:
        """The container that has a port of this machine, in words; empty if none has it."""
        found = await self.call(lambda api: api.containers(filters={"publish": str(port)}))
        return f"container {name_of(found[0])} (image {found[0]['Image']})" if found else ""


def name_of(container: dict[str, Any]) -> str:
    """The name of a container in a list."""
    names: list[str] = container["Names"] or [f"/{container['Id'][:12]}"]
    return names[0].removeprefix("/")


def remove(api: Any, container: str) -> None:
    """Remove a container, even a running one, and its volumes that have no name. One that is gone is as good."""
    try:
        api.remove_container(container, force=True, v=True)
    except sdk().errors.APIError as error:
        being_removed = error.status_code == 409 and "in progress" in str(error)
        if error.status_code != 404 and not being_removed:
            raise
