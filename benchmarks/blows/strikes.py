"""Strikes at the services of a system, in an order that is random and can be repeated."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from blows.health import Health

from workbook.system import System

STOPPED = "webapp"
SERVICES = ("adder_service", "audit_service", "event_service", "mongo", "redis", STOPPED)
AT_ONCE = (1, 1, 2)  # services that a strike hits
LONGEST_DOWN = 2.0  # seconds until they are started again


@dataclass(frozen=True)
class Strike:
    services: tuple[str, ...]
    down: float

    def __str__(self) -> str:
        hits = (f"{'stop' if service == STOPPED else 'kill -9'} {service}" for service in self.services)
        return f"{' and '.join(hits)}, down for {self.down:.1f} s"


def in_order(seed: int) -> Iterator[Strike]:
    """Without end; each service is hit once before one has its turn again."""
    chance = random.Random(seed)
    while True:
        turn = chance.sample(SERVICES, len(SERVICES))
        while turn:
            count = min(chance.choice(AT_ONCE), len(turn))
            yield Strike(tuple(turn.pop() for _ in range(count)), chance.uniform(0, LONGEST_DOWN))


async def strike(system: System, health: Health, blow: Strike) -> float:
    """Seconds until all was well again."""
    began = time.monotonic()
    for service in blow.services:
        if service == STOPPED:
            await asyncio.to_thread(system.fuge, "stop", service)
        else:
            await asyncio.to_thread(system.kill, service)
    await asyncio.sleep(blow.down)
    await asyncio.to_thread(system.fuge, "start", *blow.services)
    await health.restored()
    return time.monotonic() - began


async def keep_striking(system: System, health: Health, seed: int, seconds: float, every: float) -> None:
    """For so long, and until each service has had its turn."""
    began = time.monotonic()
    since = lambda: time.monotonic() - began  # noqa: E731
    left = set(SERVICES)
    for number, blow in enumerate(in_order(seed), 1):
        if not left and number * every >= seconds:
            break
        await asyncio.sleep(every * number - since())
        at = since()
        took = await strike(system, health, blow)
        left -= set(blow.services)
        print(f"{at:8.1f} s  {blow!s:64} all well {took:4.1f} s after the strike", flush=True)
    await asyncio.sleep(seconds - since())
