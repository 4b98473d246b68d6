"""The running system: one engine for a fuge.yml, with the verbs that the shell, the commands and Python share."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fuge import ports
from fuge.engine import debugging, order, reports, scaling
from fuge.engine.bus import Bus
from fuge.engine.claim import Claim
from fuge.engine.containers import Containers
from fuge.engine.differences import changes
from fuge.engine.dns.server import Server
from fuge.engine.numbering import Plan
from fuge.engine.running import Running
from fuge.engine.starting import addresses
from fuge.engine.states import DISABLED, FAILED, NOT_MANAGED
from fuge.engine.watching import Watcher
from fuge.errors import FugeError, NoEngineError, NotReadyError
from fuge.plan import discovery, location, zone
from fuge.plan.records import Zone
from fuge.plan.system import Service, System
from fuge.services.launcher import Launcher

# "service", "state", "addresses", "reason", "ok", and when it is not ok "text" and "exit_code"
Outcome = dict[str, Any]


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
        self.running: dict[str, Running] = {}  # every instance by name, and those that are leaving
        self.on_discovery: list[Callable[[], object]] = []  # called when others exist, or are ready, than before
        self.system = self._plan.load(self.running)

    # Its life -------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self.claim = Claim(self.system)
        try:
            self.bus = Bus(self.system.logs, self._complain)
        except FugeError:
            self.claim.release()
            raise
        self.launcher = Launcher(self.claim.owner, self._warm)
        self.containers = self._containers_of(self.system)
        self.watcher = Watcher(self._say, self.system.monitor_polling)
        self.running = {name: self._make(instance) for name, instance in self.system.everything.items()}
        self.dns = Server(self.zones)
        self.on_discovery.append(self.dns.refresh)
        try:
            await self.dns.follow(self.system)
        except FugeError:
            await self._close()
            raise
        self.closing = asyncio.Event()
        self._changing = asyncio.Lock()  # held while other instances come to exist
        self._refresh()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.watcher.close()
        await self._stop(self.running)
        async with self._changing:  # what was under way ends soon, for nothing starts any more
            await self._stop(self.running)
        await self._close()

    async def _close(self) -> None:
        await self.dns.close()
        self.containers.close()
        await self.launcher.close()
        self.bus.close()
        self.claim.release()

    def shut_down(self) -> None:
        """Ask whoever holds the engine to leave its `async with`."""
        self.closing.set()

    def kill(self) -> None:
        """Stop without grace: what still runs is killed."""
        for running in self.running.values():
            running.kill()

    # Verbs ----------------------------------------------------------------------------------------------------

    async def start(self, words: Sequence[str] = (), wait: bool = True, dependencies: bool = True) -> list[Outcome]:
        """Start services and what they depend on, in that order; those that run already are left alone.

        `words` are names, groups, globs or "all". Returns what became of each, when each is ready or has failed;
        with `wait=False` as soon as they have begun. `dependencies=False` starts the named ones alone.
        Each outcome has "service", "state", "addresses", "reason" and "ok"; if it is not, "text" and "exit_code" too.
        """
        return await self._start(self.system.select(words), wait, dependencies)

    async def _start(self, services: list[Service], wait: bool = True, dependencies: bool = True) -> list[Outcome]:
        if self.closing.is_set():
            raise FugeError("fuge is about to end, and starts nothing any more")
        if dependencies:
            services = order.with_dependencies(self.system, services)
        chosen = [self.running[service.name] for service in services]
        await asyncio.gather(*(running.start(alone=not dependencies) for running in chosen))
        outcomes = await asyncio.gather(*(self._outcome(running, wait) for running in chosen))
        if wait:
            await self.watcher.begun()
        return list(outcomes)

    async def stop(self, words: Sequence[str] = ()) -> list[Outcome]:
        """Stop services, each after those that depend on it. Returns what became of each that ran."""
        return await self._stop([service.name for service in self.system.select(words or ["*"])])

    async def _stop(self, names: Collection[str]) -> list[Outcome]:
        active = {name: self.running[name] for name in names if self.running[name].active}
        await order.stop(active)
        return [outcome(running) for running in active.values()]

    async def restart(self, words: Sequence[str] = ()) -> list[Outcome]:
        """Stop and start services, the instances of each one after another, so that there is one that answers.

        Those that do not run are started, with what they depend on.
        """
        chosen = {service.name: self.running[service.name] for service in self.system.select(words)}
        idle = [running.service for running in chosen.values() if not running.active]
        begun = await self._start(idle, wait=False) if idle else []
        waited_for = {each["service"]: self.running[each["service"]] for each in begun} | chosen
        restarted: dict[str, list[Running]] = {}
        for running in chosen.values():
            if running.service not in idle:
                restarted.setdefault(running.service.origin, []).append(running)
        await asyncio.gather(*map(order.restart, restarted.values()))
        return list(await asyncio.gather(*(self._outcome(running, wait=True) for running in waited_for.values())))

    async def scale(self, name: str, count: int) -> list[Outcome]:
        """Have so many instances of a process run: starts it, and what it depends on, and replicas; or stops replicas.

        The count holds as long as the engine, or until the file has another one. Returns what became of the
        instances, when each is ready or has failed. Raises FugeError for what cannot be scaled so.
        """
        stopped = await self._resize(name, count)
        outcomes = await self.start([name])
        for _ in range(scaling.TRIES):
            if not scaling.without_port(self.running[each.name] for each in self.system.select([name])):
                break
            await self._resize(name, count)
            outcomes = await self.start([name])
        return outcomes + stopped

    async def _resize(self, name: str, count: int) -> list[Outcome]:
        """To its end, whoever gives up waiting for it. Returns what became of those that had to go."""

        async def resize() -> list[Outcome]:
            async with self._changing:
                scaling.check(self.system, name, count)
                self._plan.scale(self.system.services[name], count)
                return await self._become(self._plan.with_replicas(self.system, self.running))

        return await asyncio.shield(asyncio.create_task(resize()))

    async def run(self, name: str, dependencies: bool = True) -> int:
        """Start a service that has an end, such as a test, and wait for it. Returns its exit code.

        Raises NotReadyError when something that it depends on does not get ready, NoEngineError when that is a
        container that nothing can run.
        """
        running = self.running[self.system.service(name).name]
        await self._start([running.service], wait=False, dependencies=dependencies)
        code = await running.ended()
        if running.exit_code is None:
            raise running.failure(f"{name} did not run: {running.reason or running.state}")
        return code

    def set_watch(self, words: Sequence[str], on: bool) -> list[str]:
        """Whether a saved file restarts these services; containers have none. Returns the names of the others."""
        selected = self.system.select(words)
        chosen = [service for service in selected if service.type == "process"]
        if not chosen:
            names = ", ".join(service.name for service in selected)
            raise FugeError(f"{names}: watching is for processes; the files of a container are in its image")
        for service in chosen:
            self.running[service.name].watch = on
            self.watcher.resume(service.name)
        return [service.name for service in chosen]

    def set_tail(self, words: Sequence[str], on: bool) -> list[str]:
        """Whether the output of these services is shown where the engine runs. Returns their names."""
        chosen = self.system.select(words)
        for service in chosen:
            self.running[service.name].tail = on
        return [service.name for service in chosen]

    async def reload(self) -> dict[str, list[str]]:
        """Read fuge.yml again and apply what has changed, without touching the rest.

        Returns the names of services that were "added", "changed" (restarted if they ran), "removed", and
        "outdated": those that run on with values of other services in their environment that hold no more.
        Raises ConfigError, and changes nothing, if the file is not right.
        """
        async with self._changing:
            return await self._reload()

    async def _reload(self) -> dict[str, list[str]]:
        new, old = self._plan.load(self.running), self.system
        await self.dns.follow(new)
        before = {name: self.environment(instance) for name, instance in old.everything.items()}
        added = [name for name in new.everything if name not in old.everything]
        removed = [name for name in old.everything if name not in new.everything]
        changed = changes(old, new)
        active = {name for name, running in self.running.items() if running.active}
        tried = active | {name for name, running in self.running.items() if running.state == FAILED}
        await self._become(new)
        wanted = [instance for name, instance in new.everything.items() if name in changed and name in tried]
        for instance in (new.everything[name] for name in added):
            is_new = instance.origin not in old.services
            if instance.enabled and (active if is_new else instance.origin in active):
                wanted.append(instance)
        if wanted:
            await self._start(wanted)
        await self.watcher.begun()
        runs_on = active - {*removed, *changed}
        now = {name: self.environment(new.everything[name]) for name in runs_on}
        outdated = sorted(name for name in runs_on if not before[name].items() <= now[name].items())
        return {"added": added, "changed": changed, "removed": removed, "outdated": outdated}

    async def _become(self, new: System) -> list[Outcome]:
        """Have the instances of this system; what is unchanged runs on. Returns what became of those that had to go.

        They are not found by others any more before they are asked to stop. Whoever calls holds `_changing`.
        """
        old, kept = self.system, self.running
        changed = changes(old, new)
        going = {name: each for name, each in kept.items() if name in changed or name not in new.everything}
        for each in going.values():
            each.leave()
        containers = self.containers
        if new.container_engine_url != old.container_engine_url:
            self.containers = self._containers_of(new)
        self.system = new
        instances = {name: kept.get(name) or self._join(each) for name, each in new.everything.items()}
        self.running = instances | going
        self._discovery_changed()
        stopped = await self._stop(going)
        if containers is not self.containers:
            containers.close()
        self.running = instances | {name: self._make(new.everything[name]) for name in changed}
        self._refresh()
        return stopped

    async def debug(self, name: str, wait_for_client: bool = False) -> dict[str, Any]:
        """Restart a service under its debugger, until it is stopped. Returns where to attach.

        Raises NotReadyError if the debugger does not listen.
        """
        running = self.running[self.system.service(name).name]
        if running.service.type == "container":
            raise FugeError(f"{name} cannot be debugged: it is a container; fuge starts debuggers of processes only")
        port = ports.free(1)[0]
        argv = debugging.command(running.service, port, wait_for_client)
        if not running.startable:
            raise FugeError(f"{name} cannot be debugged: {running.reason or running.state}")
        await running.stop()
        running.debug = argv
        await running.start()
        if not await debugging.listening(port, lambda: not running.active):
            raise NotReadyError(f"the debugger of {name} does not listen: {running.reason or 'see its logs'}")
        return debugging.attachment(self.system, running.service, port)

    # Questions ------------------------------------------------------------------------------------------------

    def environment(self, service: Service) -> dict[str, str]:
        """What fuge puts into the environment of a service."""
        return discovery.environment(self.system, service)

    def zones(self) -> list[Zone]:
        """What DNS knows now: of each service the instances that are ready, or its own place if none is."""
        ready = {name for name, running in self.running.items() if running.ready}
        return zone.zones(self.system, lambda instance: instance.name in ready)

    def ps(self, words: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The state of services, a dictionary for each instance, those that are being stopped for good included.

        Among its keys are "name", "service", "status", "host", "ports" ({name: number}), "pid", "uptime" (seconds),
        "restarts" and "reason".
        """
        names = {service.name for service in self.system.select(words or ["*"])}
        chosen = [each for name, each in self.running.items() if name in names or is_leaving(each, names, self.system)]
        return [reports.row(running) for running in chosen]

    def counts(self, words: Sequence[str] = ()) -> list[dict[str, Any]]:
        """How many instances each service has, and how many of them are ready."""
        origins = dict.fromkeys(service.origin for service in self.system.select(words or ["*"]))
        return [reports.count([self.running[each.name] for each in self.system.instances(name)]) for name in origins]

    def info(self, name: str) -> dict[str, Any]:
        """What is known of a service: its command, folder, environment, process."""
        return reports.info(self.running[self.system.service(name).name], self.environment(self.system.service(name)))

    def why(self, name: str) -> dict[str, Any]:
        """Why a service is in the state it is in, and the services that it depends on."""
        return reports.why(self.running[self.system.service(name).name], self.running)

    def about(self) -> dict[str, Any]:
        """Of the engine itself: its process, files, and the keepers of its services."""
        return {
            "pid": os.getpid(),
            "file": str(self.file),
            "logs": str(self.system.logs),
            "keepers": self.launcher.keepers,
        }

    # Helpers --------------------------------------------------------------------------------------------------

    def _make(self, service: Service) -> Running:
        not_managed = service.type == "container" and not self.system.run_containers
        fixed = DISABLED if service.problem else NOT_MANAGED if not_managed else ""
        tools = (self.bus, self.launcher, self.containers, self.environment)
        running = Running(service, *tools, lambda name: self.running[name], self._discovery_changed, fixed)
        if not_managed:
            where = f", and is expected at {', '.join(addresses(service))}" if service.ports else ""
            running.reason = f"run_containers is false: it is not started by fuge{where}"
        return running

    def _join(self, service: Service) -> Running:
        """What comes to those that are there: a replica is watched and shown as the first instance is."""
        made = self._make(service)
        if first := self.running.get(service.origin):
            made.watch, made.tail = first.watch, first.tail
        return made

    def _containers_of(self, system: System) -> Containers:
        return Containers(system, self.launcher, self.claim.owner, lambda text: self._say("swept", "", text))

    def _refresh(self) -> None:
        """What depends on the set of services: what is watched, and what is imported beforehand."""
        self.watcher.follow(list(self.running.values()))
        startable = [running for running in self.running.values() if running.startable and running.service.enabled]
        processes = [running for running in startable if running.service.type == "process"]
        self.launcher.prepare([running.program() for running in processes])
        self._discovery_changed()

    def _discovery_changed(self) -> None:
        for listener in self.on_discovery:
            listener()

    async def _outcome(self, running: Running, wait: bool) -> Outcome:
        problem: FugeError | None = None
        if wait:
            try:
                await running.settled()
            except (NotReadyError, NoEngineError) as error:
                problem = error
        return outcome(running, problem)

    def _say(self, event: str, service: str, text: str) -> None:
        self.bus.event(event, service, text)

    def _complain(self, text: str) -> None:
        with contextlib.suppress(FugeError):
            self.bus.event("problem", "", text)


def outcome(running: Running, problem: FugeError | None = None) -> Outcome:
    service = running.service
    said: Outcome = {"service": service.name, "state": running.state, "addresses": addresses(service)}
    said |= {"reason": running.reason, "ok": problem is None}
    return said | ({"text": str(problem), "exit_code": problem.exit_code} if problem else {})


def is_leaving(running: Running, names: Collection[str], system: System) -> bool:
    service = running.service
    return service.name not in system.everything and service.origin in names
