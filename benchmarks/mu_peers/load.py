"""The client's half of a measurement: so many callers, each with one call under way, for so many seconds."""

import asyncio
import itertools
import json
import sys
from array import array
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any

Call = Callable[[int], Awaitable[Any]]
"""Asks a service for the sum of a number and 1."""


def run(main: Coroutine[Any, Any, None], loop: str) -> None:
    """On asyncio's own loop or on "uvloop"."""
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


async def obey(call: Call) -> None:
    """For every line "IN_FLIGHT SECONDS" of the standard input, measure and print the figures as a line of JSON."""
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        in_flight, seconds = line.split()
        print(json.dumps(await measure(call, int(in_flight), float(seconds))), flush=True)


async def measure(call: Call, in_flight: int, seconds: float) -> dict[str, float]:
    times = array("d")
    numbers = itertools.count(1)

    async def caller() -> None:
        while (asked := perf_counter()) < end:
            number = next(numbers)
            answer = await call(number)
            times.append(perf_counter() - asked)
            if answer != number + 1:
                raise ValueError(f"expected {number + 1} as the sum of {number} and 1, found {answer!r}")

    began = perf_counter()
    end = began + seconds
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    taken = perf_counter() - began
    ordered = sorted(times)
    return {
        "requests": len(ordered),
        "seconds": taken,
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
        "hung": 0,
    }
