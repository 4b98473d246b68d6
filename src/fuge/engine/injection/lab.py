"""The faults that are set: others are told of a proxy in a service's place, and go by it."""

from collections.abc import Sequence
from typing import TypedDict

from fuge.engine.injection.fault import Fault
from fuge.engine.injection.proxy import Place, Proxy
from fuge.engine.outcome import Outcome
from fuge.engine.supervisor import Supervisor
from fuge.errors import FugeError
from fuge.plan.discovery import reachable
from fuge.plan.system import Service


class Set(TypedDict):
    """A fault that is set: `fault` says it in words, `ports` are those to go by, {name: number}, in place of its own.

    `latency` is in seconds, `drop` a share from 0 to 1.
    """

    service: str
    fault: str
    latency: float
    drop: float
    down: bool
    pause: bool
    host: str
    ports: dict[str, int]


class Lab:
    """Keeps a proxy for each port of each instance that has a fault.

    Whoever has the old address in its environment is restarted with the new one, as with a service that has moved.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._faults: dict[str, Fault] = {}
        self._proxies: dict[str, dict[str, Proxy]] = {}

    async def set(self, services: Sequence[Service], fault: Fault) -> list[Outcome]:
        """Returns what became of those that were restarted. Raises FugeError for what has no ports."""
        without = [service.name for service in services if not service.ports]
        if without:
            raise FugeError(f"{', '.join(without)}: expected services with ports, found none: nobody calls them")
        async with self._supervisor.changing:
            for service in services:
                await self._put(service, fault)
            return await self._redirect()

    async def clear(self, services: Sequence[Service]) -> list[Outcome]:
        """Of those of them that have one. Returns what became of those that were restarted."""
        async with self._supervisor.changing:
            names = [service.name for service in services if service.name in self._faults]
            for name in names:
                for proxy in self._proxies[name].values():
                    await proxy.set(None)  # what is under way arrives
                del self._faults[name]
                self._say(name, "no fault any more")
            gone = [self._proxies.pop(name) for name in names]
            outcomes = await self._redirect()
            for proxies in gone:
                await close(proxies)
            return outcomes

    async def follow(self) -> None:
        """The instances are others, maybe: those that have gone need no proxies."""
        for name in self._proxies.keys() - self._supervisor.system.everything.keys():
            del self._faults[name]
            await close(self._proxies.pop(name))

    async def close(self) -> None:
        for proxies in self._proxies.values():
            await close(proxies)

    # Questions ------------------------------------------------------------------------------------------------

    def found(self) -> list[Set]:
        """In the order of the file."""
        everything = self._supervisor.system.everything
        return [self._row(service) for name, service in everything.items() if name in self._faults]

    def text(self, name: str) -> str:
        """The fault of an instance in words; "" if it has none."""
        return str(self._faults.get(name, ""))

    def _row(self, service: Service) -> Set:
        fault = self._faults[service.name]
        return Set(
            service=service.name,
            fault=str(fault),
            latency=fault.latency,
            drop=fault.drop,
            down=fault.down,
            pause=fault.pause,
            host=reachable(service.host),
            ports=ports(self._proxies[service.name]),
        )

    # How ------------------------------------------------------------------------------------------------------

    async def _put(self, service: Service, fault: Fault) -> None:
        if service.name not in self._proxies:
            self._proxies[service.name] = await self._made(service)
        self._faults[service.name] = fault
        for proxy in self._proxies[service.name].values():
            await proxy.set(fault)
        self._say(service.name, f"on the way to it from now on: {fault}")

    async def _made(self, service: Service) -> dict[str, Proxy]:
        made: dict[str, Proxy] = {}
        try:
            for port in service.ports:
                made[port.name] = Proxy(reachable(service.host), self._place(service.name, port.name))
        except FugeError:
            await close(made)
            raise
        return made

    def _place(self, name: str, port_name: str) -> Place:
        def place() -> tuple[str, int]:
            service = self._supervisor.system.everything.get(name)
            port = service.port(port_name) if service else None
            if service is None or port is None:
                raise ConnectionRefusedError  # it has gone since
            return reachable(service.host), port.number

        return place

    async def _redirect(self) -> list[Outcome]:
        """Others are told of the proxies that there are now. Who was told something else before is restarted."""
        supervisor = self._supervisor
        active = [each.service for each in supervisor.running.values() if each.active]
        processes = [service for service in active if service.type == "process"]
        before = [supervisor.environment(service) for service in processes]
        supervisor.detour({name: ports(proxies) for name, proxies in self._proxies.items()})
        pairs = zip(processes, before, strict=True)
        return await supervisor.restart([each for each, told in pairs if supervisor.environment(each) != told])

    def _say(self, name: str, text: str) -> None:
        self._supervisor.running[name].say("fault", text)


def ports(proxies: dict[str, Proxy]) -> dict[str, int]:
    return {name: proxy.port for name, proxy in proxies.items()}


async def close(proxies: dict[str, Proxy]) -> None:
    for proxy in proxies.values():
        await proxy.close()
