"""What can be asked of an engine, by name: the one list behind the socket, the shell and the command line."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fuge.engine import reports
from fuge.engine.bus import Event
from fuge.engine.injection.fault import Fault
from fuge.engine.metrics import report as metrics_report
from fuge.errors import FugeError
from fuge.faces.connection import Item
from fuge.plan import zone as plan_zone
from fuge.services.logs import LogRecord

if TYPE_CHECKING:
    from fuge.engine.engine import Engine

LONGEST_QUEUE = 50_000  # items that a slow follower may be behind, before it loses the oldest


class Direct:
    """The connection to an engine in this process."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine

    async def call(self, operation: str, **arguments: Any) -> Any:
        if operation not in OPERATIONS:
            raise FugeError(f"expected an operation, one of {', '.join(OPERATIONS)}; found {operation!r}")
        try:
            return await OPERATIONS[operation](self.engine, **arguments)
        except TypeError as error:
            raise FugeError(f"{operation}: {error}") from None

    async def follow(self, begun: Callable[[], object] = lambda: None) -> AsyncIterator[Item]:
        queue: asyncio.Queue[Item] = asyncio.Queue(LONGEST_QUEUE)
        unsubscribe = self.engine.bus.subscribe(lambda item: put(queue, as_item(item)))
        try:
            begun()
            while True:
                yield await queue.get()
        finally:
            unsubscribe()


def put(queue: "asyncio.Queue[Item]", item: Item) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)


def as_item(item: LogRecord | Event) -> Item:
    return asdict(item) if isinstance(item, LogRecord) else item


async def start(engine: "Engine", words: list[str], wait: bool = True, dependencies: bool = True) -> Any:
    return await engine.start(words, wait, dependencies)


async def run(engine: "Engine", name: str, dependencies: bool = True) -> Any:
    return await engine.run(name, dependencies)


async def stop(engine: "Engine", words: list[str]) -> Any:
    return await engine.stop(words)


async def restart(engine: "Engine", words: list[str]) -> Any:
    return await engine.restart(words)


async def watch(engine: "Engine", words: list[str], on: bool) -> Any:
    return engine.set_watch(words, on)


async def tail(engine: "Engine", words: list[str], on: bool) -> Any:
    return engine.set_tail(words, on)


async def scale(engine: "Engine", name: str, count: int) -> Any:
    return await engine.scale(name, count)


async def counts(engine: "Engine", words: list[str]) -> Any:
    return engine.counts(words)


async def reload(engine: "Engine") -> Any:
    return await engine.reload()


async def debug(engine: "Engine", name: str, wait_for_client: bool = False) -> Any:
    return await engine.debug(name, wait_for_client)


async def set_fault(engine: "Engine", words: list[str], fault: dict[str, Any]) -> Any:
    return await engine.set_fault(words, Fault.of(fault))


async def clear_faults(engine: "Engine", words: list[str]) -> Any:
    return await engine.clear_faults(words)


async def faults(engine: "Engine") -> Any:
    return engine.faults()


async def ps(engine: "Engine", words: list[str]) -> Any:
    return engine.ps(words)


async def info(engine: "Engine", name: str) -> Any:
    return engine.info(name)


async def env(engine: "Engine", name: str) -> Any:
    return engine.environment(engine.system.service(name))


async def why(engine: "Engine", name: str) -> Any:
    return engine.why(name)


async def overview(engine: "Engine") -> Any:
    running = engine.supervisor.running
    return engine.about() | {
        "services": [each | reports.planned(running[each["name"]].service) for each in engine.ps()]
    }


async def zone(engine: "Engine", name: str = "") -> Any:
    """All records, or those of the service or replica of that name."""
    enabled = engine.system.dns_enabled
    below = plan_zone.name_of(engine.system, engine.system.service(name)) if enabled and name else ""
    return {"enabled": enabled, "records": reports.zone(engine.zones(), below) if enabled else []}


async def metrics(engine: "Engine", name: str = "") -> Any:
    """Of all services that have sent some, or those of the service or replica of that name."""
    now, board = time.monotonic(), engine.traces.metrics
    found = metrics_report.report(board.series(now), now)
    if name:
        found = [each for each in found if name in (each["service"], each["instance"])]
        if not found:
            engine.system.service(name)  # or there is no such service
    return {"enabled": engine.system.traces_enabled, "dropped": board.dropped, "services": found}


async def names(engine: "Engine", words: list[str]) -> Any:
    return [service.name for service in engine.system.select(words)]


async def about(engine: "Engine") -> Any:
    return engine.about()


async def down(engine: "Engine") -> Any:
    stopped = await engine.stop(["*"])
    engine.shut_down()
    return stopped


OPERATIONS: Mapping[str, Callable[..., Awaitable[Any]]] = {
    each.__name__: each
    for each in (
        *(start, run, stop, restart, scale, watch, tail, reload, debug, down, set_fault, clear_faults),
        *(ps, faults, overview, counts, names, info, env, why, zone, metrics, about),
    )
}
