"""Which number each port has in this run, and that it keeps it when the file is read again."""

from collections.abc import Mapping
from pathlib import Path

from fuge import ports
from fuge.engine.running import Running
from fuge.plan import config
from fuge.plan.system import System


class Plan:
    """Reads a fuge.yml, again and again. `given` are the numbers for this run; `isolated` asks for free ones only."""

    def __init__(self, file: Path, environment: Mapping[str, str], given: Mapping[str, int], isolated: bool) -> None:
        self._file, self._environment, self._numbers, self._isolated = file, environment, dict(given), isolated

    def load(self, running: Mapping[str, Running]) -> System:
        """The file as it is now, with the numbers that the ports of these services have. Raises ConfigError."""
        system = self._load(self._numbers)
        if self._isolated:
            return self._load(self._free(system))
        kept = automatic(system, running)
        return self._load(self._numbers | kept) if kept else system

    def _load(self, numbers: Mapping[str, int]) -> System:
        return config.load(self._file, self._environment, numbers)

    def _free(self, system: System) -> dict[str, int]:
        """A number for every port: one given for this run, or found by the load before, or a free one."""
        for name, service in system.services.items():
            if name in self._numbers and service.ports:
                self._numbers.setdefault(f"{name}.{service.ports[0].name}", self._numbers[name])
        names = [f"{name}.{port.name}" for name, service in system.services.items() for port in service.ports]
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
