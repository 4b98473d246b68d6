"""What each process of the system uses of the processor."""

from mu_peers.pair import seconds_of

from workbook.system import System

SERVICES = ("webapp", "adder_service", "audit_service", "event_service", "mongo", "redis")


class Cost:
    def __init__(self, system: System) -> None:
        self._pids = {service: system.process(service).pid for service in SERVICES}
        self._pids["fuge"] = system.terminal.process.pid
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {name: seconds_of(pid) for name, pid in self._pids.items()}

    def spent(self) -> dict[str, float]:
        """Seconds since the last time."""
        now, before = self._now(), self._before
        self._before = now
        return {name: now[name] - before[name] for name in now}
