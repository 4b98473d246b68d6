"""The audit trail while its database dies: python benchmarks/audit.py [--calculations N] [--at-once N] [--kills N]

Visitors calculate as fast as they are answered. Meanwhile MongoDB is killed (SIGKILL) several times, and started again
each time a second later. At the end every calculation must be in the audit, exactly once. Exit code 1 if not.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import aiohttp
from blows.kept import kept_system
from pymongo import AsyncMongoClient

from workbook import course
from workbook.system import System

STEP = "05"
DOWN = 1.0  # seconds between a kill and the start that follows
PATIENCE = 60.0  # seconds for the last entry to arrive


class Visitors:
    def __init__(self, url: str, calculations: int) -> None:
        self.url, self.numbers, self.wanted = url, iter(range(calculations)), calculations
        self.times: list[float] = []
        self.failures: Counter[str] = Counter()

    async def calculate(self, session: aiohttp.ClientSession) -> None:
        """One visitor, who calculates N + 1 for the next N until there is none left."""
        for number in self.numbers:
            began = time.perf_counter()
            form = {"first": str(number), "second": "1"}
            async with session.post(self.url, data=form) as answer:
                text = await answer.text()
            self.times.append(time.perf_counter() - began)
            if f">{number + 1}</output>" not in text:
                self.failures[f"status {answer.status}"] += 1

    async def done(self, count: int) -> None:
        while len(self.times) < count:  # noqa: ASYNC110 (lists do not tell)
            await asyncio.sleep(0.005)


async def kill_and_start(system: System, visitors: Visitors, kills: int) -> list[float]:
    """How long each outage took, in seconds: from the kill until the database answers again."""
    outages = []
    for number in range(1, kills + 1):
        await visitors.done(visitors.wanted * number // (kills + 2))
        began = time.perf_counter()
        await asyncio.to_thread(system.kill, "mongo")
        await asyncio.sleep(DOWN)
        command = [sys.executable, "-m", "fuge", "start", "mongo"]
        await asyncio.to_thread(subprocess.run, command, cwd=system.folder, check=True, stdout=subprocess.DEVNULL)
        outages.append(time.perf_counter() - began)
    return outages


async def stored(port: int, count: int) -> tuple[Counter[str], float]:
    """The entries of the audit, by their calculation, and how long it took until there were so many, in seconds."""
    began = time.perf_counter()
    async with AsyncMongoClient("127.0.0.1", port) as client:
        audit = client["audit"]["audit"]
        while await audit.count_documents({}) < count and time.perf_counter() - began < PATIENCE:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        found = Counter([f"{entry['calc']} = {entry['result']}" async for entry in audit.find()])
    return found, took


async def measure(system: System, calculations: int, at_once: int, kills: int) -> bool:
    visitors = Visitors(system.url("webapp", "/add/calculate"), calculations)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:
        killing = asyncio.create_task(kill_and_start(system, visitors, kills))
        began = time.perf_counter()
        await asyncio.gather(*(visitors.calculate(session) for _ in range(at_once)))
        took = time.perf_counter() - began
        outages = await killing
    found, late = await stored(system.ports["mongo"], calculations)
    expected = {f"{number} + 1 = {number + 1}" for number in range(calculations)}
    missing, twice = expected - found.keys(), sum(count - 1 for count in found.values())
    centiles = statistics.quantiles(visitors.times, n=100)
    rows: list[tuple[str, Any]] = [
        ("calculations", f"{len(visitors.times):,}"),
        ("answered per second", f"{len(visitors.times) / took:,.0f}"),
        (
            "median, p99, slowest in ms",
            f"{centiles[49] * 1e3:.1f}, {centiles[98] * 1e3:.1f}, {max(visitors.times) * 1e3:.1f}",
        ),
        ("answers without a sum", sum(visitors.failures.values())),
        ("MongoDB killed, each time down for s", ", ".join(f"{outage:.1f}" for outage in outages)),
        ("entries in the audit", f"{found.total():,}"),
        ("of them complete so many s after the last answer", f"{late:.2f}"),
        ("missing", len(missing)),
        ("twice", twice),
        ("others", len(found.keys() - expected)),
    ]
    for name, value in rows:
        print(f"{name:>50}  {value}")
    return not (visitors.failures or missing or twice or found.keys() - expected)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calculations", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    with kept_system(course.recipe(STEP)) as system:
        print(system.terminal.new_output().split("\n")[0])
        right = asyncio.run(measure(system, options.calculations, options.at_once, options.kills))
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
