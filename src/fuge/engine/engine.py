"""The running system: one engine for a fuge.yml, with the verbs that the shell, the commands and Python share."""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fuge.engine import debugging, reloading, reports, scaling
from fuge.engine.bus import Bus
from fuge.engine.claim import Claim
from fuge.engine.dns.server import Server
from fuge.engine.injection.fault import Fault
from fuge.engine.injection.lab import Lab, Set
from fuge.engine.numbering import Plan
from fuge.engine.outcome import Outcome
from fuge.engine.running import Running
from fuge.engine.supervisor import Supervisor
from fuge.engine.traces.receiver import Receiver
from fuge.errors import FugeError
from fuge.plan import location, zone
from fuge.plan.records import Zone
from fuge.plan.system import Service, System
from fuge.services.launcher import Launcher


class Engine:
    """`async with Engine("fuge/fuge.yml") as engine:` then `await engine.start()`; at the end everything stops.

    `ports` overrides port numbers: {"webapp": 4000} the first port, {"webapp.admin": 4001} a named one.
    `isolated` takes free ports for all services. `environment` is what `${NAME}` in the file refers to.
    `warm=False` starts Python services by a new interpreter each time. Raises ConfigError for a file that
    is not right, and FugeError when it runs already.
    """

    def __init__(
        self,
        file: Path | str,
        ports: Mapping[str, int] | None = None,
        isolated: bool = False,
        environment: Mapping[str, str] = os.environ,
        warm: bool = True,
    ) -> None:
        self.file = location.absolute(file)
        self._plan = Plan(self.file, environment, ports or {}, isolated)
        self._warm = warm
        self.supervisor = Supervisor(self._plan.load({}))

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.claim = Claim(self.system)
            stack.callback(self.claim.release)
            self.bus = Bus(self.system.logs)
            stack.callback(self.bus.close)
            self.launcher = Launcher(self.claim.owner, self._warm)
            stack.push_async_callback(self.launcher.close)
            self.supervisor.open(self.bus, self.launcher)
            stack.callback(self.supervisor.close)
            self.closing = self.supervisor.closing
            self.dns = Server(self.zones)
            stack.push_async_callback(self.dns.close)
            self.traces = Receiver(self.system.data, lambda text: self.bus.event("problem", "", text))
            stack.push_async_callback(self.traces.close)
            for server in (self.dns, self.traces):
                await server.follow(self.system)
            self._lab = Lab(self.supervisor)
            stack.push_async_callback(self._lab.close)
            self._resources = stack.pop_all()
        self.supervisor.on_discovery.append(self.dns.refresh)
        self.supervisor.look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._resources:
            await self.supervisor.stop_all()

    def shut_down(self) -> None:
        """Ask whoever holds the engine to leave its `async with`."""
        self.closing.set()

    def kill(self) -> None:
        """Stop without grace: what still runs is killed."""
        self.supervisor.kill()

    # Verbs ----------------------------------------------------------------------------------------------------

    async def start(self, words: Sequence[str] = (), wait: bool = True, dependencies: bool = True) -> list[Outcome]:
        """Start services and what they depend on, in that order; those that run already are left alone.

        `words` are names, groups, globs or "all". Returns what became of each, when each is ready or has failed;
        with `wait=False` as soon as they have begun. `dependencies=False` starts the named ones alone.
        """
        return await self.supervisor.start(self.system.select(words), wait, dependencies)

    async def stop(self, words: Sequence[str] = ()) -> list[Outcome]:
        """Stop services, each after those that depend on it. Returns what became of each that ran."""
        return await self.supervisor.stop([service.name for service in self.system.select(words or ["*"])])

    async def restart(self, words: Sequence[str] = ()) -> list[Outcome]:
        """Stop and start services, the instances of each one after another, so that there is one that answers.

        Those that do not run are started, with what they depend on.
        """
        return await self.supervisor.restart(self.system.select(words))

    async def scale(self, name: str, count: int) -> list[Outcome]:
        """Have so many instances of a process run: starts it, and what it depends on, and replicas; or stops replicas.

        The count holds as long as the engine, or until the file has another one. Returns what became of the
        instances, when each is ready or has failed. Raises FugeError for what cannot be scaled so.
        """
        outcomes = await scaling.scale(self.supervisor, self._plan, name, count)
        await self._lab.follow()
        return outcomes

    async def run(self, name: str, dependencies: bool = True) -> int:
        """Start a service that has an end, such as a test, and wait for it. Returns its exit code.

        Raises NotReadyError when something that it depends on does not get ready, NoEngineError when that is a
        container that nothing can run.
        """
        running = self._running(name)
        await self.supervisor.start([running.service], wait=False, dependencies=dependencies)
        code = await running.ended()
        if running.life.exit_code is None:
            raise running.life.failure(f"{name} did not run: {running.reason or running.state}")
        return code

    async def reload(self) -> dict[str, list[str]]:
        """Read fuge.yml again and apply what has changed, without touching the rest.

        Returns the names of services that were "added", "changed" (restarted if they ran), "removed", and
        "outdated": those that run on with values in their environment that hold no more; and of the "settings" of the
        system as a whole that are others now.
        Raises ConfigError, and changes nothing, if the file is not right.
        """
        done = await reloading.reload(self.supervisor, self._plan, (self.dns, self.traces))
        await self._lab.follow()
        return done

    async def debug(self, name: str, wait_for_client: bool = False) -> dict[str, Any]:
        """Restart a service under its debugger, until it is stopped. Returns where to attach.

        Raises NotReadyError if the debugger does not listen.
        """
        running = self._running(name)
        port = await debugging.restart(running, wait_for_client)
        return debugging.attachment(self.system, running.service, port)

    async def set_fault(self, words: Sequence[str], fault: Fault) -> list[Outcome]:
        """Put a fault on the way to services, in place of another one that they have: others go by a proxy from now on.

        Processes that were told of the old address are restarted, with the new one; no service is that has the fault.
        Returns what became of these. A fault holds until it is cleared, or the engine ends. Raises FugeError.
        """
        return await self._lab.set(self.system.select(words), fault)

    async def clear_faults(self, words: Sequence[str] = ()) -> list[Outcome]:
        """Take the faults of services away. Returns what became of those that are restarted to go by the plain way."""
        return await self._lab.clear(self.system.select(words or ["*"]))

    def faults(self) -> list[Set]:
        """The faults that are set."""
        return self._lab.found()

    def set_watch(self, words: Sequence[str], on: bool) -> list[str]:
        """Whether a saved file restarts these services; containers have none. Returns the names of the others."""
        selected = self.system.select(words)
        chosen = [service for service in selected if service.type == "process"]
        if not chosen:
            names = ", ".join(service.name for service in selected)
            raise FugeError(f"{names}: watching is for processes; the files of a container are in its image")
        for service in chosen:
            self._running(service.name).watch = on
            self.supervisor.watcher.resume(service.name)
        return [service.name for service in chosen]

    def set_tail(self, words: Sequence[str], on: bool) -> list[str]:
        """Whether the output of these services is shown where the engine runs. Returns their names."""
        chosen = self.system.select(words)
        for service in chosen:
            self._running(service.name).tail = on
        return [service.name for service in chosen]

    # Questions ------------------------------------------------------------------------------------------------

    @property
    def system(self) -> System:
        """The fuge.yml as it holds now, with the ports and replicas of this run."""
        return self.supervisor.system

    def environment(self, service: Service) -> dict[str, str]:
        """What fuge puts into the environment of a service."""
        return self.supervisor.environment(service)

    def zones(self) -> list[Zone]:
        """What DNS knows now: of each service the instances that are ready, or its own place if none is."""
        ready = {name for name, running in self.supervisor.running.items() if running.ready}
        return zone.zones(self.supervisor.seen, lambda instance: instance.name in ready)

    def ps(self, words: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The state of services, a dictionary for each instance, those that are being stopped for good included.

        Among its keys are "name", "service", "status", "host", "ports" ({name: number}), "pid", "uptime" (seconds),
        "restarts", "reason", and "fault": what is on the way to it, in words.
        """
        names = {service.name for service in self.system.select(words or ["*"])}
        instances = self.supervisor.running.items()
        chosen = [each for name, each in instances if name in names or self._is_leaving(each, names)]
        return [reports.row(each) | {"fault": self._lab.text(each.service.name)} for each in chosen]

    def counts(self, words: Sequence[str] = ()) -> list[dict[str, Any]]:
        """How many instances each service has, and how many of them are ready."""
        origins = dict.fromkeys(service.origin for service in self.system.select(words or ["*"]))
        return [reports.count([self._running(each.name) for each in self.system.instances(name)]) for name in origins]

    def info(self, name: str) -> dict[str, Any]:
        """What is known of a service: its command, folder, environment, process."""
        running = self._running(name)
        return reports.info(running, self.environment(running.service))

    def why(self, name: str) -> dict[str, Any]:
        """Why a service is in the state it is in, and the services that it depends on."""
        return reports.why(self._running(name), self.supervisor.running, self._lab.text)

    def about(self) -> dict[str, Any]:
        """Of the engine itself: its process, files, and the keepers of its services."""
        return {
            "pid": os.getpid(),
            "file": str(self.file),
            "logs": str(self.system.logs),
            "keepers": self.launcher.keepers,
        }

    def _running(self, name: str) -> Running:
        """Raises FugeError if there is no such service."""
        return self.supervisor.running[self.system.service(name).name]

    def _is_leaving(self, running: Running, names: Collection[str]) -> bool:
        service = running.service
        return service.name not in self.system.everything and service.origin in names
