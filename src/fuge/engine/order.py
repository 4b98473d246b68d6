"""In which order services start, stop and restart: what is needed comes first, and goes last."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from fuge.engine.running import Running
from fuge.errors import NoEngineError, NotReadyError
from fuge.plan.system import Service, System


def with_dependencies(system: System, chosen: Sequence[Service]) -> list[Service]:
    """The chosen services and all that they need, the needed ones first."""
    ordered: dict[str, Service] = {}

    def visit(service: Service) -> None:
        if service.name in ordered:
            return
        for name in service.depends_on:
            for needed in system.instances(name):
                visit(needed)
        ordered.setdefault(service.name, service)

    for service in chosen:
        visit(service)
    return list(ordered.values())


async def stop(chosen: Mapping[str, Running]) -> None:
    """Stop services, all at once but for those that another one of them needs: they stop after it."""
    tasks: dict[str, asyncio.Task[None]] = {}
    for name, running in chosen.items():
        dependents = [other for other, each in chosen.items() if running.service.origin in each.service.depends_on]
        tasks[name] = asyncio.create_task(_stop_after(running, dependents, tasks))
    await asyncio.gather(*tasks.values())


async def _stop_after(running: Running, dependents: Sequence[str], tasks: Mapping[str, "asyncio.Task[None]"]) -> None:
    """The tasks are all known when this begins to run, which is not before the next step of the loop."""
    await asyncio.gather(*(asyncio.shield(tasks[name]) for name in dependents))
    await running.stop()


async def restart(instances: Sequence[Running]) -> None:
    """Restart the instances of a service, each when the one before is ready or has failed, so that one answers."""
    for running in instances:
        await running.restart()
        with contextlib.suppress(NotReadyError, NoEngineError):
            await running.settled()
