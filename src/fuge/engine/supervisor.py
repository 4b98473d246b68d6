"""All instances of a running system: they start and stop in order, and others come in their place."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from fuge.engine import order, outcome
from fuge.engine.bus import Bus
from fuge.engine.containers import Containers
from fuge.engine.differences import Difference
from fuge.engine.outcome import Outcome
from fuge.engine.running import Running
from fuge.engine.starting import Starter
from fuge.engine.states import DISABLED, NOT_MANAGED
from fuge.engine.watching import Watcher
from fuge.engine.wording import addresses
from fuge.errors import FugeError
from fuge.plan import discovery
from fuge.plan.system import Service, System
from fuge.services.launcher import Launcher


class Supervisor:
    """`running` has every instance by name, those too that are leaving; `system` says which ones there are to be.

    There is none before `open`. `on_discovery` are called when others exist, or are ready, than before. Whoever lets
    others come to exist holds `changing`.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.running: dict[str, Running] = {}
        self.on_discovery: list[Callable[[], object]] = []
        self._detours: Mapping[str, Mapping[str, int]] = {}

    def open(self, bus: Bus, launcher: Launcher) -> None:
        self.closing = asyncio.Event()  # nothing is started any more
        self.changing = asyncio.Lock()
        self._bus, self._launcher = bus, launcher
        self._starter = self._starter_of(self.system)
        self.watcher = Watcher(bus.event, self.system.monitor_polling)
        self.running = {name: self._made(instance) for name, instance in self.system.everything.items()}

    async def stop_all(self) -> None:
        """For good: nothing is started any more."""
        self.closing.set()
        self.watcher.close()
        await self.stop(self.running)
        async with self.changing:  # what was under way ends soon
            await self.stop(self.running)

    def close(self) -> None:
        self._starter.close()

    # Verbs ----------------------------------------------------------------------------------------------------

    async def start(self, services: Sequence[Service], wait: bool = True, dependencies: bool = True) -> list[Outcome]:
        """What became of each, and of what they depend on: at once, or with `wait` when it is ready or has failed."""
        if self.closing.is_set():
            raise FugeError("fuge is about to end, and starts nothing any more")
        if dependencies:
            services = order.with_dependencies(self.system, services)
        chosen = [self.running[service.name] for service in services]
        await asyncio.gather(*(running.start(alone=not dependencies) for running in chosen))
        if not wait:
            return list(map(outcome.of, chosen))
        outcomes = await asyncio.gather(*map(outcome.settled, chosen))
        await self.watcher.begun()
        return list(outcomes)

    async def stop(self, names: Collection[str]) -> list[Outcome]:
        """What became of each that ran; what needs others stops before these."""
        active = {name: self.running[name] for name in names if self.running[name].active}
        await order.stop(active)
        return list(map(outcome.of, active.values()))

    async def restart(self, services: Sequence[Service]) -> list[Outcome]:
        """The instances of each one after another; those that do not run are started, with what they depend on."""
        chosen = {service.name: self.running[service.name] for service in services}
        idle = [running.service for running in chosen.values() if not running.active]
        begun = await self.start(idle, wait=False) if idle else []
        waited_for = {each["service"]: self.running[each["service"]] for each in begun} | chosen
        instances: dict[str, list[Running]] = {}
        for running in chosen.values():
            if running.service not in idle:
                instances.setdefault(running.service.origin, []).append(running)
        await asyncio.gather(*map(order.restart, instances.values()))
        return list(await asyncio.gather(*map(outcome.settled, waited_for.values())))

    def kill(self) -> None:
        """What still runs is killed."""
        for running in self.running.values():
            running.kill()

    # Who is there ---------------------------------------------------------------------------------------------

    async def become(self, new: System, difference: Difference) -> list[Outcome]:
        """Have the instances of this system; what is unchanged runs on. Returns what became of those that had to go.

        They are not found by others any more before they are asked to stop.
        """
        old, kept = self.system, self.running
        gone = {*difference.changed, *(kept.keys() - new.everything.keys())}
        going = {name: each for name, each in kept.items() if name in gone}
        for each in going.values():
            each.leave()
        starter = self._starter
        if new.container_engine_url != old.container_engine_url:
            self._starter = self._starter_of(new)
        self.system = new
        instances = {name: kept.get(name) or self._joined(each) for name, each in new.everything.items()}
        self.running = instances | going
        self._discovery_changed()
        stopped = await self.stop(going)
        if starter is not self._starter:
            starter.close()
        self.running = instances | {name: self._made(new.everything[name]) for name in difference.changed}
        self.look()
        return stopped

    def look(self) -> None:
        """What depends on the set of instances: what is watched, and what is imported beforehand."""
        self.watcher.follow(list(self.running.values()))
        startable = [running for running in self.running.values() if running.startable and running.service.enabled]
        processes = [running for running in startable if running.service.type == "process"]
        self._launcher.prepare([running.program() for running in processes])
        self._discovery_changed()

    @property
    def seen(self) -> System:
        """The system as services see it: at some ports of others they find something in between."""
        return self.system.at(self._detours) if self._detours else self.system

    def detour(self, ports: Mapping[str, Mapping[str, int]]) -> None:
        """From now on others are told of these ports in place of an instance's own: {instance: {port name: number}}."""
        self._detours = ports
        self._discovery_changed()

    def environment(self, service: Service) -> dict[str, str]:
        """What fuge puts into the environment of a service."""
        return discovery.environment(self.seen, service)

    def _made(self, service: Service) -> Running:
        not_managed = service.type == "container" and not self.system.run_containers
        fixed = DISABLED if service.problem else NOT_MANAGED if not_managed else ""
        running = Running(
            service, self._bus, self._starter, lambda name: self.running[name], self._discovery_changed, fixed
        )
        if not_managed:
            where = f", and is expected at {', '.join(addresses(service))}" if service.ports else ""
            running.reason = f"run_containers is false: it is not started by fuge{where}"
        return running

    def _joined(self, service: Service) -> Running:
        """What comes to those that are there: a replica is watched and shown as the first instance is."""
        made = self._made(service)
        if first := self.running.get(service.origin):
            made.watch, made.tail = first.watch, first.tail
        return made

    def _starter_of(self, system: System) -> Starter:
        def say(text: str) -> None:
            self._bus.event("swept", "", text)

        containers = Containers(system, self._launcher, self._launcher.owner, say)
        return Starter(self._launcher, containers, self.environment)

    def _discovery_changed(self) -> None:
        for listener in self.on_discovery:
            listener()
