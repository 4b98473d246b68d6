"""How many instances there are in this run, and which numbers their ports have, also when the file is read again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fuge import ports
from fuge.engine.running import Running
from fuge.errors import FugeError
from fuge.plan import config
from fuge.plan.system import Port, Service, System


class Plan:
    """Reads a fuge.yml, again and again. `given` are the numbers for this run; `isolated` asks for free ones only."""

    def __init__(self, file: Path, environment: Mapping[str, str], given: Mapping[str, int], isolated: bool) -> None:
        self._file, self._environment, self._numbers, self._isolated = file, environment, dict(given), isolated
        self._scaled: dict[str, tuple[int, int]] = {}  # what the file said when another count was asked for, and that

    def load(self, running: Mapping[str, Running]) -> System:
        """The file as it is now, with the numbers that the ports of these services have. Raises ConfigError."""
        system = self._load(self._numbers)
        if self._isolated:
            system = self._load(self._free(system))
        elif kept := automatic(system, running):
            system = self._load(self._numbers | kept)
        return self.with_replicas(system, running)

    def scale(self, service: Service, count: int) -> None:
        """From now on there are so many instances, until the file asks for another number than it does now."""
        self._scaled[service.name] = service.replicas, count

    def count(self, service: Service) -> int:
        said, wanted = self._scaled.get(service.name, (0, 0))
        return wanted if said == service.replicas else service.replicas

    def with_replicas(self, system: System, running: Mapping[str, Running]) -> System:
        """The system with the replicas that are wanted now; each keeps its ports, but for those that others hold.

        Raises FugeError when there are not enough free ports.
        """
        taken = {port.number for service in system.services.values() for port in service.ports}
        taken.update(system.own_ports.values())
        found: dict[str, tuple[Service, ...]] = {}
        for name, service in system.services.items():
            names = [f"{name}.{number}" for number in range(2, self.count(service) + 1)]
            found[name] = tuple(replica(service, each, running.get(each), taken) for each in names)
        return replace(system, replicas=found)

    def _load(self, numbers: Mapping[str, int]) -> System:
        return config.load(self._file, self._environment, numbers)

    def _free(self, system: System) -> dict[str, int]:
        """A number for every port: one given for this run, or found by the load before, or a free one."""
        for name, service in system.services.items():
            if name in self._numbers and service.ports:
                self._numbers.setdefault(f"{name}.{service.ports[0].name}", self._numbers[name])
        names = [f"{name}.{port.name}" for name, service in system.services.items() for port in service.ports]
        names += system.own_ports
        new = [name for name in names if name not in self._numbers]
        self._numbers |= dict(zip(new, ports.free(len(new), self._numbers.values()), strict=True))
        return {name: self._numbers[name] for name in names}


def automatic(new: System, running: Mapping[str, Running]) -> dict[str, int]:
    """The numbers that `auto` ports have now: a reload moves none but to make room for a declared one."""
    declared = {port.number for service in new.services.values() for port in service.ports if not port.auto}
    found = {}
    for name, each in running.items():
        for port in each.service.ports:
            there = new.services[name].port(port.name) if name in new.services else None
            if there and there.auto and (each.active or port.number not in declared):
                found[f"{name}.{port.name}"] = port.number
    return found


def replica(service: Service, name: str, running: Running | None, taken: set[int]) -> Service:
    """A further instance of a service. Its ports are added to those that are `taken`."""
    found = []
    for port in service.ports:
        number = kept(running, port.name, taken) or free(service.host, taken)
        taken.add(number)
        found.append(Port(port.name, number, auto=True))
    return replace(service, name=name, ports=tuple(found))


def kept(running: Running | None, name: str, taken: set[int]) -> int | None:
    """The number that a replica's port has, if it can go on with it."""
    port = running.service.port(name) if running else None
    if running is None or port is None or port.number in taken:
        return None
    return port.number if running.active or ports.is_free(port.number, running.service.host) else None


def free(host: str, taken: set[int]) -> int:
    for number in ports.free(1, taken, host):
        return number
    raise FugeError("a replica needs a port of its own, and none is free; see `fuge ps -l`")
