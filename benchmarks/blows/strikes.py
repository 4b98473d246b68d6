"""Strikes at the services of a system, one at a time, in an order that is random and can be repeated."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from blows.health import Health

from workbook.system import System

KILLED = ("adder_service", "audit_service", "event_service", "mongo", "redis")
STOPPED = "webapp"
LONGEST_DOWN = 2.0  # seconds from a strike to the start that follows it


@dataclass(frozen=True)
class Strike:
    service: str
    down: float  # seconds until it is started again

    def __str__(self) -> str:
        return f"{'stop' if self.service == STOPPED else 'kill -9'} {self.service}, down for {self.down:.1f} s"


def in_order(seed: int) -> Iterator[Strike]:
    """Without end; each service once before one has its turn again."""
    chance = random.Random(seed)
    while True:
        for service in chance.sample([*KILLED, STOPPED], len(KILLED) + 1):
            yield Strike(service, chance.uniform(0, LONGEST_DOWN))


async def strike(system: System, health: Health, blow: Strike) -> float:
    """Seconds until all was well again."""
    began = time.monotonic()
    if blow.service == STOPPED:
        await asyncio.to_thread(system.fuge, "stop", blow.service)
    else:
        await asyncio.to_thread(system.kill, blow.service)
    await asyncio.sleep(blow.down)
    await asyncio.to_thread(system.fuge, "start", blow.service)
    await health.restored()
    return time.monotonic() - began


async def strike_again_and_again(system: System, health: Health, seed: int, seconds: float, every: float) -> None:
    """For so long, and until each service has had its turn."""
    began = time.monotonic()
    for number, blow in enumerate(in_order(seed)):
        if number > len(KILLED) and time.monotonic() - began + every > seconds:
            break
        await asyncio.sleep(max(0.0, began + every * (number + 1) - time.monotonic()))
        at = time.monotonic() - began
        took = await strike(system, health, blow)
        print(f"{at:8.1f} s  {blow!s:38} all well {took:.1f} s after the strike", flush=True)
    await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
