"""How many instances of a service run: what can be asked for, and how they come to be, or go."""

import asyncio
from collections.abc import Iterable

from fuge import ports
from fuge.engine import differences
from fuge.engine.numbering import Plan
from fuge.engine.outcome import Outcome
from fuge.engine.running import Running
from fuge.engine.states import FAILED
from fuge.engine.supervisor import Supervisor
from fuge.errors import FugeError
from fuge.plan.system import MOST_INSTANCES, System

TRIES = 3  # new ports for replicas, when somebody else was quicker


async def scale(supervisor: Supervisor, plan: Plan, name: str, count: int) -> list[Outcome]:
    """Have so many instances, ready if they can be. Returns what became of them, and of those that had to go."""
    stopped = await resize(supervisor, plan, name, count)
    outcomes = await supervisor.start(supervisor.system.select([name]))
    for _ in range(TRIES):
        if not without_port(supervisor.running[each.name] for each in supervisor.system.select([name])):
            break
        await resize(supervisor, plan, name, count)
        outcomes = await supervisor.start(supervisor.system.select([name]))
    return outcomes + stopped


async def resize(supervisor: Supervisor, plan: Plan, name: str, count: int) -> list[Outcome]:
    """To its end, whoever gives up waiting for it. Returns what became of those that had to go."""

    async def work() -> list[Outcome]:
        async with supervisor.changing:
            old = supervisor.system
            check(old, name, count)
            plan.scale(old.services[name], count)
            new = plan.with_replicas(old, supervisor.running)
            return await supervisor.become(new, differences.between(old, new))

    return await asyncio.shield(asyncio.create_task(work()))


def check(system: System, name: str, count: int) -> None:
    """Raises FugeError if the service cannot have so many instances."""
    service = system.service(name)
    if name != service.origin:
        raise FugeError(f"{name} is an instance of {service.origin}: `fuge scale {service.origin} {count}` is meant")
    if service.type == "container":
        raise FugeError(
            f"{name} cannot be scaled: it is a container, and a second one would be a server of its own, "
            "without the data of the first; fuge scales processes only"
        )
    if service.problem:
        raise FugeError(f"{name} cannot be scaled: {service.problem}")
    if not 1 <= count <= MOST_INSTANCES:
        advice = f"; `fuge stop {name}` stops all of them" if count == 0 else ""
        raise FugeError(f"expected 1 to {MOST_INSTANCES} instances of {name}, found {count}{advice}")


def without_port(instances: Iterable[Running]) -> bool:
    """Whether a replica has failed, and somebody else has its port."""
    return any(
        not ports.is_free(port.number, running.service.host)
        for running in instances
        if running.state == FAILED and running.service.name != running.service.origin
        for port in running.service.ports
    )
