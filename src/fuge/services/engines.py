"""Which engine runs the image of a container, and why: Docker, or a real server of this machine in its place."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from fuge.errors import FugeError, NoEngineError
from fuge.plan.system import Port, Service
from fuge.services import docker_hosts, programs, remedies
from fuge.services.docker_engine import DockerEngine, Owner
from fuge.services.docker_sdk import probe
from fuge.services.programs import Found
from fuge.services.servers import Server, known
from fuge.services.threads import in_thread

Kind = Literal["docker", "path", "wheel"]
KINDS: tuple[Kind, ...] = get_args(Kind)  # in the order in which they are looked at
SETTING = "FUGE_ENGINE"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """What runs an image, by its `kind`: docker, or a `program` of this machine, on PATH (path) or in a wheel.

    `title` is its name with its version; `how` and `why` it was chosen are words for people.
    """

    kind: Kind
    title: str
    how: str
    why: str = ""
    docker: DockerEngine | None = None
    server: Server | None = None
    program: Path | None = None

    def __str__(self) -> str:
        return f"{self.how} ({self.why})" if self.why else self.how


@dataclass(frozen=True)
class Candidate:
    """One way to run an image: the `choice` it would be, or the `problem` with it and what would help.

    `kind` is docker, path or wheel; `was_asked` says that no setting forbids it.
    """

    kind: Kind
    name: str
    problem: str = ""
    remedy: str = ""
    choice: Choice | None = None
    was_asked: bool = True

    @property
    def reason(self) -> str:
        """Why it is not taken, with its name."""
        return f"{self.name}: {self.problem}"

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


class Engines:
    """Looks for engines, each time anew, and keeps the connection to Docker's. `say` is told what else happens.

    `url` is the container_engine_url of a fuge.yml. With an `owner`, what an earlier run of it has left in
    Docker is removed before anything else is done there.
    """

    def __init__(
        self,
        url: str = "",
        owner: Owner | None = None,
        say: Say = lambda text: None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.host = docker_hosts.find(url, environment)
        self._wanted = environment.get(SETTING, "")
        self._owner, self._say = owner, say
        self._docker: DockerEngine | None = None
        self._connecting = asyncio.Lock()

    def close(self) -> None:
        if self._docker:
            self._docker.close()

    async def choose(self, service: Service, progress: Say) -> Choice:
        """The first engine that can run the service's image; one that Docker does not have is pulled.

        Raises NoEngineError, which names every candidate, its problem and what would help.
        """
        refused: list[Candidate] = []
        async with aclosing(self.survey(service, progress)) as candidates:
            async for candidate in candidates:
                if candidate.choice:
                    reasons = [each.reason for each in refused if each.was_asked]
                    return replace(candidate.choice, why="; ".join(filter(None, [*reasons, candidate.choice.why])))
                refused.append(candidate)
        raise NoEngineError(self.explained(service, refused))

    async def survey(self, service: Service, progress: Say | None = None) -> AsyncGenerator[Candidate, None]:
        """Every candidate, in the order in which they are preferred. Without `progress` nothing is pulled."""
        allowed, setting = self.allowed()
        server = known(service.image)
        for kind in KINDS if server else KINDS[:1]:
            if kind not in allowed:
                problem, remedy = f"not looked at, since {setting}", remedies.unset(setting)
                yield Candidate(kind, name_of(kind, server), problem, remedy, was_asked=False)
            elif kind == "docker":
                yield await self._by_docker(service, progress, setting)
            elif server:
                yield await by_server(kind, server, service, setting)

    def allowed(self) -> tuple[tuple[Kind, ...], str]:
        """The kinds that may be chosen, and the setting that says so; all of them, and "", if none does."""
        if self._wanted and self._wanted not in KINDS:
            raise FugeError(f"{SETTING}: expected docker, path or wheel, found {self._wanted!r}")
        for kind in KINDS:
            if kind == self._wanted:
                return (kind,), f"{SETTING} is {kind}"
        if self.host.said_by:
            return ("docker",), f"{self.host.said_by} is {self.host.url}"
        return KINDS, ""

    def explained(self, service: Service, refused: list[Candidate]) -> str:
        lines = [f"nothing here can run the image {service.image}", *(f"  {candidate}" for candidate in refused)]
        if not known(service.image):
            lines.append("  other than mongo and redis, an image needs Docker")
        return "\n".join(lines)

    # Docker -----------------------------------------------------------------------------------------------------

    async def docker(self) -> DockerEngine:
        """The engine, which answers. Raises NoEngineError, with the reason."""
        async with self._connecting:
            if self._docker is None:
                docker = await DockerEngine.connect(self.host.url)
                if self._owner and (left := await docker.sweep(self._owner)):
                    self._say(f"removed what an earlier fuge had left: {', '.join(left)}")
                self._docker = docker
            return self._docker

    async def has(self, image: str) -> bool:
        """Whether Docker has an image. A connection that is broken is made anew."""
        was_connected = self._docker
        try:
            return await (await self.docker()).has(image)
        except NoEngineError:
            if not was_connected or self._docker is not was_connected:
                raise
            self._docker = None
            was_connected.close()
            return await (await self.docker()).has(image)

    async def _by_docker(self, service: Service, progress: Say | None, setting: str) -> Candidate:
        image, name = service.image, name_of("docker")
        if problem := await in_thread(lambda: absence(self.host.url)):
            return Candidate("docker", name, problem, remedies.docker())
        try:
            is_here = await self.has(image)
            docker = await self.docker()
            if not is_here and progress:
                await docker.pull(image, progress)
        except FugeError as error:
            return Candidate("docker", name, str(error))
        reason = "it has the image" if is_here else "it has pulled the image" if progress else "it may pull the image"
        why = f"{setting}; {reason}" if setting else reason
        how = f"{docker.name} at {docker.url}"
        return Candidate("docker", name, choice=Choice("docker", docker.name, how, why, docker=docker))


async def survey(image: str) -> list[Candidate]:
    """What could run an image on this machine, such as "mongo": the first that has a `choice` would be taken."""
    engines = Engines()
    ports = (Port("main", 1),)  # no number matters here
    try:
        return [each async for each in engines.survey(Service(image, "container", image=image, ports=ports))]
    finally:
        engines.close()


def absence(url: str) -> str:
    """Whether there is no engine at all, which is found out without Docker's SDK; "" if there may be one."""
    try:
        probe(url)
    except FileNotFoundError:
        return f"there is no {url.removeprefix('unix://')}"
    except ConnectionRefusedError:
        return f"nothing listens at {url}"
    except OSError:
        pass  # the engine's own words will tell more
    return ""


def name_of(kind: Kind, server: Server | None = None) -> str:
    if kind == "docker" or server is None:
        return "Docker"
    return f"wheel {server.wheel}" if kind == "wheel" else "PATH"


async def by_server(kind: Kind, server: Server, service: Service, setting: str) -> Candidate:
    """The real server, from PATH or a wheel."""
    name = name_of(kind, server)
    if obstacle := server.obstacle(service):
        return Candidate(kind, name, obstacle)
    found: Found = await (programs.on_path(server) if kind == "path" else programs.in_wheel(server))
    if not found.path:
        return Candidate(kind, name, found.problem, found.remedy)
    how = f"{found.title} from the {name}" if kind == "wheel" else f"{found.title} at {found.path}"
    if re.search("[:@]", service.image):  # it may be another version
        how += f", in place of {service.image}"
    return Candidate(kind, name, choice=Choice(kind, found.title, how, setting, server=server, program=found.path))
