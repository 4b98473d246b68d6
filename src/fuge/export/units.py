"""A system taken apart into what any engine must know of it: its services as units, and what all of them are told."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from concordant import label
from fuge.export import elsewhere, mounts, naming
from fuge.export.mounts import Mount
from fuge.export.naming import Images
from fuge.export.notes import Notes
from fuge.export.secret import is_secret
from fuge.plan.places import Document
from fuge.plan.schema import GLOBAL
from fuge.plan.system import Port, Service, System
from fuge.services.servers import known

PYTHON = re.compile(r"python(3(\.\d+)?)?")
HTTP = re.compile(r"https?([_-].*)?", re.IGNORECASE)
KNOWN_USER = "999:999"  # in the official images of mongo and redis


@dataclass(frozen=True)
class Unit:
    """A service as an engine shall run it.

    `service` has the ports on which it listens in its container, and its name in DNS as host; `declared` is as in the
    fuge.yml. `outside` are the ports by which it is reached from outside. `environment` is what it alone is given;
    `is_told` says whether it is given what all are told, too. `user` is "" if the image says who: then nothing is known
    of what it may need. `ends` says that it does its work and ends; `waits` that it is started by somebody's command
    alone.
    """

    service: Service
    declared: Service
    image: str
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    outside: tuple[Port, ...] = ()
    ends: bool = False
    waits: bool = False
    is_told: bool = True

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def label(self) -> str:
        """Its name in DNS."""
        return label(self.name)

    @property
    def is_built(self) -> bool:
        """Whether its image is made for it, and not somebody's."""
        return self.service.type == "process"

    @property
    def names(self) -> list[str]:
        """By which others in its network find it, beside its name in fuge.yml."""
        return [name for name in dict.fromkeys([self.label, self.service.host]) if name != self.name]

    def without_folders(self, notes: Notes) -> "Unit":
        """The same for an engine that has several machines, where folders of this one are not."""
        for mount in self.mounts:
            if mount.kind == "folder":
                reason = f"the folder for {mount.target} is on this machine alone, and left out: an image can have it"
                notes.at((self.name, "volumes"), reason)
        return replace(self, mounts=tuple(mount for mount in self.mounts if mount.kind != "folder"))


@dataclass(frozen=True)
class Units:
    """A whole system. `shared` is what all services are told that are told anything."""

    system: System
    units: tuple[Unit, ...]
    shared: Mapping[str, str]
    images: Images

    @property
    def project(self) -> str:
        return naming.project(self.system)

    def unit(self, name: str) -> Unit | None:
        return next((unit for unit in self.units if unit.name == name), None)


def of(document: Document, system: System, images: Images, dns: Mapping[str, str], notes: Notes) -> Units:
    """`dns` are variables that services need to find each other. Raises ConfigError for what cannot have a name."""
    elsewhere.check(document, system)
    there = elsewhere.moved(system)
    about_all(system, notes)
    run = [service for service in system.services.values() if elsewhere.runs_there(system, service)]
    given = {each.name: told(system, there, there.services[each.name], dns) for each in run}
    shared = common([given[each.name] for each in run if each.auto_generate_environment])
    units = []
    for declared in run:
        about(declared, notes)
        own = given[declared.name]
        if declared.auto_generate_environment:
            own = {name: value for name, value in own.items() if name not in shared}
        units.append(unit(system, there.services[declared.name], declared, own, images, notes))
    return Units(system, tuple(units), shared, images)


def unit(
    system: System, service: Service, declared: Service, own: Mapping[str, str], images: Images, notes: Notes
) -> Unit:
    is_process = service.type == "process"
    return Unit(
        service,
        declared,
        images.of(system, service) if is_process else service.image,
        user=naming.USER if is_process else KNOWN_USER if known(service.image) else "",
        environment=own,
        secrets=secrets(service),
        mounts=tuple(mounts.of(system, declared, notes)),
        outside=tuple(port for port in service.ports if HTTP.fullmatch(port.name) and not needed(system, service.name)),
        ends=any(other.depends_on.get(service.name) == "completed" for other in system.services.values()),
        waits=service.name not in started(system),
        is_told=service.auto_generate_environment,
    )


def told(system: System, there: System, service: Service, dns: Mapping[str, str]) -> dict[str, str]:
    """What a service is given, but its secrets."""
    hidden = secrets(service)
    given = elsewhere.environment(system, there, service, dns)
    return {name: value for name, value in given.items() if name not in hidden}


def secrets(service: Service) -> dict[str, str]:
    """They are its own: what all are told of each other is none, whatever they are called."""
    return {name: value for name, value in service.environment.items() if is_secret(name, value)}


def common(environments: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What all of them have; of one alone there is nothing in common."""
    if len(environments) < 2:
        return {}
    first, *others = environments
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def needed(system: System, name: str) -> bool:
    """Whether another service depends on it."""
    return any(name in other.depends_on for other in system.services.values())


def started(system: System) -> set[str]:
    """The services that start with the system: those that are enabled, and all that these depend on."""
    found: set[str] = set()
    waiting = [name for name, service in system.services.items() if service.enabled]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += system.services[name].depends_on
    return found


def is_python(service: Service) -> bool:
    """Whether a process is run by Python, so that its image can be made."""
    return bool(PYTHON.fullmatch(shlex.split(service.run)[0]))


def about_all(system: System, notes: Notes) -> None:
    """What is missing where fuge is not."""
    if system.traces_enabled:
        advice = "name another place by OTEL_EXPORTER_OTLP_ENDPOINT in `environment`"
        notes.at((GLOBAL, "traces_enabled"), f"fuge is not there to take traces: {advice}")
    for index in range(len(system.dns_external)):
        notes.at((GLOBAL, "dns_external", index), "the DNS there does not know it: add it to that of your network")
    if not system.run_containers:
        reason = "containers are somebody else's, and left out; services are told the host and ports of this file"
        notes.at((GLOBAL, "run_containers"), reason)


def about(service: Service, notes: Notes) -> None:
    """What no engine does of a service."""
    name = service.name
    if service.problem:
        notes.at((name, "path"), f"{service.problem}, so that no image can be made of it")
    elif service.type == "process" and not is_python(service):
        reason = "`fuge build` makes images of Python services alone: make this one, with the name that it has here"
        notes.at((name, "run"), reason)
    if service.type == "container" and not known(service.image):
        reason = "what this image needs is not known, so it runs as the user that it names, and may write everywhere"
        notes.at((name, "image"), reason)
    if service.delay_start:
        notes.of(name, "delay_start", "engines have no pause before a start: services must wait for each other")
    if service.readiness.kind == "log":
        notes.at((name, "readiness", "log"), "engines do not look at what a service says: it counts as ready at once")
