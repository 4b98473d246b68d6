"""The running system: one engine for a fuge.yml, with the verbs that the shell, the commands and Python share."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fuge import ports
from fuge.engine import debugging, order, reports
from fuge.engine.bus import Bus
from fuge.engine.claim import Claim
from fuge.engine.containers import Containers
from fuge.engine.numbering import Plan
from fuge.engine.running import Running
from fuge.engine.starting import addresses
from fuge.engine.states import DISABLED, FAILED, NOT_MANAGED
from fuge.engine.watching import Watcher
from fuge.errors import FugeError, NoEngineError, NotReadyError
from fuge.plan import discovery, location
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
        self.running: dict[str, Running] = {}
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
        self.running = {name: self._make(service) for name, service in self.system.services.items()}
        self.closing = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._refresh()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.watcher.close()
        await self.stop(["*"])
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
        """
        if self.closing.is_set():
            raise FugeError("fuge is about to end, and starts nothing any more")
        services = self.system.select(words)
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
        chosen = [self.running[service.name] for service in self.system.select(words or ["*"])]
        active = {running.service.name: running for running in chosen if running.active}
        await order.stop(active)
        return [outcome(running) for running in active.values()]

    async def restart(self, words: Sequence[str] = ()) -> list[Outcome]:
        """Stop and start services; those that do not run are started, with what they depend on."""
        chosen = [self.running[service.name] for service in self.system.select(words)]
        idle = [running.service.name for running in chosen if not running.active]
        started = await self.start(idle, wait=False) if idle else []
        restarted = [running for running in chosen if running.service.name not in idle]
        await asyncio.gather(*(running.restart() for running in restarted))
        names = dict.fromkeys([each["service"] for each in started] + [running.service.name for running in chosen])
        return list(await asyncio.gather(*(self._outcome(self.running[name], wait=True) for name in names)))

    async def run(self, name: str, dependencies: bool = True) -> int:
        """Start a service that has an end, such as a test, and wait for it. Returns its exit code.

        Raises NotReadyError when something that it depends on does not get ready, NoEngineError when that is a
        container that nothing can run.
        """
        running = self.running[self.system.service(name).name]
        await self.start([name], wait=False, dependencies=dependencies)
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
        async with self._reloading:
            return await self._reload()

    async def _reload(self) -> dict[str, list[str]]:
        new, old, kept = self._plan.load(self.running), self.system, self.running
        before = {name: self.environment(service) for name, service in old.services.items()}
        added = [name for name in new.services if name not in old.services]
        removed = [name for name in old.services if name not in new.services]
        changed = [name for name in new.services if name in old.services and has_changed(name, old, new)]
        active = {name for name, running in kept.items() if running.active}
        tried = active | {name for name, running in kept.items() if running.state == FAILED}
        if removed or changed:
            await self.stop([*removed, *changed])
        self.system = new
        if new.container_engine_url != old.container_engine_url:
            self.containers.close()
            self.containers = self._containers_of(new)
        fresh = {*added, *changed}
        self.running = {name: self._make(each) if name in fresh else kept[name] for name, each in new.services.items()}
        self._refresh()
        wanted = [name for name in added if active and new.services[name].enabled]
        wanted += [name for name in changed if name in tried]
        if wanted:
            await self.start(wanted)
        await self.watcher.begun()
        runs_on = active - {*removed, *changed}
        now = {name: self.environment(new.services[name]) for name in runs_on}
        outdated = sorted(name for name in runs_on if not before[name].items() <= now[name].items())
        return {"added": added, "changed": changed, "removed": removed, "outdated": outdated}

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

    def ps(self, words: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The state of services, a dictionary for each."""
        return [reports.row(self.running[service.name]) for service in self.system.select(words or ["*"])]

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
        running = Running(service, *tools, lambda name: self.running[name], fixed)
        if not_managed:
            where = f", and is expected at {', '.join(addresses(service))}" if service.ports else ""
            running.reason = f"run_containers is false: it is not started by fuge{where}"
        return running

    def _containers_of(self, system: System) -> Containers:
        return Containers(system, self.launcher, self.claim.owner, lambda text: self._say("swept", "", text))

    def _refresh(self) -> None:
        """What depends on the set of services: what is watched, and what is imported beforehand."""
        self.watcher.follow(list(self.running.values()))
        startable = [running for running in self.running.values() if running.startable and running.service.enabled]
        processes = [running for running in startable if running.service.type == "process"]
        self.launcher.prepare([running.program() for running in processes])

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


def has_changed(name: str, old: System, new: System) -> bool:
    """Whether another fuge.yml says something else of a service, by itself or for all containers."""
    if new.services[name] != old.services[name]:
        return True
    about_containers = [(system.run_containers, system.container_engine_url) for system in (old, new)]
    return new.services[name].type == "container" and about_containers[0] != about_containers[1]
