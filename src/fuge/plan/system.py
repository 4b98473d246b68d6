"""The nouns: a System and its Services, as fuge.yml describes them. Nothing here runs anything."""

import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from fuge.errors import FugeError

Condition = Literal["started", "ready", "completed"]
"""What a service waits for, of one that it depends on: that it runs, can do its work, or has ended with exit code 0."""
RestartPolicy = Literal["never", "on-failure", "always"]
"""After which end a service starts again by itself: none, one that is not exit code 0, or any."""
MOST_INSTANCES = 100  # of one service
OWN_FOLDER = ".fuge"


@dataclass(frozen=True)
class Port:
    """A named port: `number` on this machine; `target` is the one inside a container, if another.

    `auto` says that the file leaves the number to fuge.
    """

    name: str
    number: int
    target: int | None = None
    auto: bool = False


@dataclass(frozen=True)
class Readiness:
    """How fuge learns that a service can do its work.

    `kind` says what `what` is: "tcp" the name of a port that must accept a connection, "http" a path that must
    be answered with 200 to 399 (on the port named `port`), "exec" a command that must end with 0, "log" a
    regular expression that a line of output must match, "started" nothing: it is ready when it runs.
    `interval` and `timeout` are seconds: between two looks, and from the start until it counts as not ready.
    """

    kind: Literal["tcp", "http", "exec", "log", "started"] = "started"
    what: str = ""
    port: str = ""
    interval: float = 0.1
    timeout: float = 30


@dataclass(frozen=True)
class Service:
    """One entry of fuge.yml. Times are seconds; `path` is absolute; `run` is a command line as written.

    `terminate` is the signal that asks it to stop, `grace_period` the time it then has before it is killed.
    `restart_delay` is the pause before the first restart after a crash; it doubles from one to the next.
    `args` are the words given to a container's image; `keep` leaves the container, with its data, when it is stopped.
    `problem` says why the service cannot be started ("" if it can), such as a folder that is not there.
    `replicas` is how many instances of it run, itself included.
    """

    name: str
    type: Literal["process", "container"] = "process"
    group: str = "default"
    enabled: bool = True
    path: Path | None = None
    run: str = ""
    test: str = ""
    repository_url: str = ""
    image: str = ""
    args: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    keep: bool = False
    host: str = "127.0.0.1"
    ports: tuple[Port, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    auto_generate_environment: bool = True
    depends_on: dict[str, Condition] = field(default_factory=dict)
    readiness: Readiness = Readiness()
    restart: RestartPolicy = "never"
    restart_delay: float = 1
    max_restarts: int = 5
    terminate: int = signal.SIGTERM
    grace_period: float = 5
    delay_start: float = 0
    tail: bool = True
    monitor: bool = True
    monitor_excludes: tuple[str, ...] = ()
    replicas: int = 1
    problem: str = ""

    @property
    def origin(self) -> str:
        """The name in fuge.yml: of the replica `adder_service.2` as of the first instance it is `adder_service`."""
        return self.name.partition(".")[0]

    def port(self, name: str) -> Port | None:
        """The port of that name; None if there is none."""
        return next((port for port in self.ports if port.name == name), None)


TRACES_HOST = "127.0.0.1"  # traces hold what services do for whom: nothing beyond this machine sends or reads any


def data_folder(file: Path) -> Path:
    """Where the logs and the state of a fuge.yml are kept: `.fuge` beside it, or the folder that FUGE_DATA names."""
    chosen = os.environ.get("FUGE_DATA")
    return Path(chosen).absolute() if chosen else file.parent / OWN_FOLDER


def log_folder(file: Path) -> Path:
    """The folder with a log for each service of a fuge.yml, and that of events."""
    return data_folder(file) / "log"


@dataclass(frozen=True)
class System:
    """All of a fuge.yml: `services` by name in the file's order, and what holds for them together.

    `file` is the absolute path of the fuge.yml; logs, state and databases go to `data`, beside it.
    `replicas` has the further instances of scaled services, each a Service with a name and ports of its own.
    """

    file: Path
    services: dict[str, Service]
    replicas: dict[str, tuple[Service, ...]] = field(default_factory=dict)
    run_containers: bool = True
    container_engine_url: str = ""
    monitor_polling: bool = False
    dns_enabled: bool = False
    dns_host: str = "127.0.0.1"
    dns_port: int = 53053
    dns_namespace: str = ""
    dns_suffix: str = ""
    dns_external: tuple[str, ...] = ()
    traces_enabled: bool = False
    traces_port: int = 4318

    @property
    def own_ports(self) -> dict[str, int]:
        """The ports where fuge itself listens, by the names that FUGE_PORTS has for them."""
        dns = {"dns": self.dns_port} if self.dns_enabled else {}
        return dns | ({"traces": self.traces_port} if self.traces_enabled else {})

    @property
    def data(self) -> Path:
        """The folder for logs, state and databases: `.fuge` beside the file, or what FUGE_DATA names."""
        return data_folder(self.file)

    @property
    def logs(self) -> Path:
        """The folder with a log for each service, and that of events."""
        return log_folder(self.file)

    @property
    def groups(self) -> list[str]:
        """The names of all groups, in the file's order."""
        return list(dict.fromkeys(service.group for service in self.services.values()))

    @property
    def everything(self) -> dict[str, Service]:
        """All instances by name: each service of the file, followed by its replicas."""
        return {instance.name: instance for name in self.services for instance in self.instances(name)}

    def service(self, name: str) -> Service:
        """The service or replica of that name. Raises FugeError, with the nearest name, if there is none."""
        everything = self.everything
        if name not in everything:
            raise FugeError(self.unknown(name))
        return everything[name]

    def instances(self, name: str) -> tuple[Service, ...]:
        """The service of that name as often as it runs: itself first, then its replicas."""
        return (self.services[name], *self.replicas.get(name, ()))

    def at(self, ports: Mapping[str, Mapping[str, int]]) -> "System":
        """The same system with other numbers for some ports: {instance: {port name: number}}."""

        def moved(service: Service) -> Service:
            numbers = ports.get(service.name, {})
            return replace(
                service,
                ports=tuple(replace(each, number=numbers.get(each.name, each.number)) for each in service.ports),
            )

        services = {name: moved(service) for name, service in self.services.items()}
        replicas = {name: tuple(map(moved, instances)) for name, instances in self.replicas.items()}
        return replace(self, services=services, replicas=replicas)

    def select(self, words: Iterable[str]) -> list[Service]:
        """The services that `words` name, in the file's order: names, groups, globs such as `adder*`, or `all`.

        Each comes with its replicas, but the name of a replica means that one alone. `all` and groups leave out what
        has `enabled: false`. No words mean `all`. Raises FugeError for a word that names nothing.
        """
        wanted: set[str] = set()
        for word in list(words) or ["all"]:
            chosen = self._named(word)
            if not chosen:
                raise FugeError(self.unknown(word))
            wanted.update(chosen)
        return [each for name, each in self.everything.items() if name in wanted or each.origin in wanted]

    def _named(self, word: str) -> set[str]:
        if word in self.everything:
            return {word}
        if word == "all":
            return {name for name, service in self.services.items() if service.enabled} or {*self.services}
        if word in self.groups:
            return {name for name, service in self.services.items() if service.group == word and service.enabled}
        return {name for name in self.everything if fnmatchcase(name, word)}

    def unknown(self, word: str) -> str:
        """What to tell whoever uses a word that names nothing: the nearest one that does, or all of them."""
        known = [*self.everything, *(group for group in self.groups if group != "default"), "all"]
        nearest = get_close_matches(word, known, 1)
        advice = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}"
        return f"no service or group is called {word!r}: {advice}"
