"""mu for a long time, and under blows: python benchmarks/soak.py [--dispatches N] [--seconds N]

First a million dispatches, over tcp and within the process: memory must stay flat and every table end up empty. Then a
minute of 256 callers at two servers behind `balance([breaker(...), breaker(...)])`; every second one of them, or both,
is killed and started again, or stands still for most of a second. Each call must return the right result or raise a
MuError in time, and nothing be left at the end. Exit code 1 if anything is amiss.
"""

import argparse
import asyncio
import gc
import importlib.util
import itertools
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from mu_peers import load
from mu_peers.killing import Adder, keep_striking
from mu_peers.remains import Complaints, held, memory, more_than

from fuge import ports
from mu import Client, Mu, MuError, Server, balance, breaker, local, tcp

ADD = {"role": "basic", "cmd": "add"}
CHECKPOINTS = 10
HALF = CHECKPOINTS // 2 - 1
CALLERS_OF_A_MILLION, CALLERS_UNDER_BLOWS = 64, 256
TIMEOUT = 0.5  # seconds for each call under blows
RESET = 0.2  # seconds after which a breaker tries again
SLACK = 2.0  # seconds that a call may take beyond its timeout, on a machine that has other work too
PATIENCE = 2.0  # seconds for each call of the million; mu keeps a few kB for each hundredth of them
GROWTH, MORE_OBJECTS = 1.5, 500  # MB and objects by which the second half may end above the first, as by chance


# A million ---------------------------------------------------------------------------------------------------------


async def add(args: dict[str, Any]) -> int:
    return int(args["first"] + args["second"])


async def call(mu: Mu, numbers: "itertools.count[int]", up_to: int) -> None:
    while (number := next(numbers)) <= up_to:
        result = await mu.dispatch({**ADD, "first": number, "second": 1})
        if result != number + 1:
            raise ValueError(f"expected {number + 1} as the sum of {number} and 1, found {result!r}")


async def dispatch_many(title: str, server: Server, client: Callable[[], Client], dispatches: int) -> list[str]:
    """What is amiss. The client is made when the server has started, and so has its port."""
    print(f"\n{dispatches:,} dispatches {title}, {CALLERS_OF_A_MILLION} under way")
    print(f"{'dispatched':>12}{'memory, MB':>12}{'objects':>10}{'in tables':>11}{'tasks':>7}{'sockets':>9}")
    before = held()
    adder, caller = Mu("adder"), Mu("caller", timeout=PATIENCE)
    adder.define(ADD, add)
    adder.inbound("*", server)
    await adder.start()
    alone = held()
    caller.outbound(ADD, client())
    numbers = itertools.count(1)
    sizes, objects, in_tables = [], [], []
    async with caller:
        for checkpoint in range(1, CHECKPOINTS + 1):
            up_to = dispatches * checkpoint // CHECKPOINTS
            await asyncio.gather(*(call(caller, numbers, up_to) for _ in range(CALLERS_OF_A_MILLION)))
            numbers = itertools.count(up_to + 1)
            now = held(adder, caller)
            sizes.append(memory())
            objects.append(len(gc.get_objects()))
            in_tables.append(now["entries in tables"] + now["requests"])
            print(
                f"{up_to:12,}{sizes[-1]:12.1f}{objects[-1]:10,}{in_tables[-1]:11}{now['tasks']:7}{now['sockets']:9}",
                flush=True,
            )
    amiss = await more_than(alone, adder, caller)
    await adder.tear_down()
    amiss += await more_than(before, adder, caller)
    if any(in_tables):
        amiss.append(f"up to {max(in_tables)} entries in tables although nothing was under way")
    if (growth := sizes[-1] - sizes[HALF]) > GROWTH:
        amiss.append(f"memory grew by {growth:.1f} MB in the second half")
    if (more := objects[-1] - objects[HALF]) > MORE_OBJECTS:
        amiss.append(f"{more:,} objects more at the end than after the first half")
    return [f"{title}: {each}" for each in amiss]


# Blows -------------------------------------------------------------------------------------------------------------


class Tally:
    """Calls, and how each of them ended."""

    def __init__(self) -> None:
        self.calls = 0
        self.slowest = 0.0
        self.outcomes: Counter[str] = Counter()

    async def keep_calling(self, mu: Mu, until: float) -> None:
        loop = asyncio.get_running_loop()
        while (began := loop.time()) < until:
            self.calls += 1
            outcome = await self._outcome(mu, self.calls)
            self.outcomes[outcome] += 1
            self.slowest = max(self.slowest, loop.time() - began)
            if outcome != "right":
                await asyncio.sleep(0.005)  # what failed at once would fail again at once

    async def _outcome(self, mu: Mu, number: int) -> str:
        try:
            result = await mu.dispatch({**ADD, "first": number, "second": 1})
        except MuError as error:
            return type(error).__name__
        except (Exception, asyncio.CancelledError) as error:
            return f"not a MuError: {error!r}"
        return "right" if result == number + 1 else "wrong"

    def amiss(self) -> list[str]:
        unwanted = {name: count for name, count in self.outcomes.items() if name == "wrong" or "not a" in name}
        amiss = [f"{count} x {name}" for name, count in unwanted.items()]
        if lost := self.calls - self.outcomes.total():
            amiss.append(f"{lost} of {self.calls:,} calls neither returned nor raised")
        if self.slowest > TIMEOUT + SLACK:
            amiss.append(f"a call took {self.slowest:.1f} s, and {TIMEOUT:g} were allowed")
        if not self.outcomes["right"]:
            amiss.append("no call was answered")
        return amiss


async def under_blows(seconds: float, loop: str) -> list[str]:
    """What is amiss."""
    print(f"\n{seconds:g} s of {CALLERS_UNDER_BLOWS} callers at two servers, with a blow every second", flush=True)
    before = held()
    adders = [Adder(port, loop) for port in ports.free(2)]
    mu, tally = Mu("caller", timeout=TIMEOUT), Tally()
    mu.outbound(ADD, balance([breaker(tcp.client(port=adder.port), reset=RESET) for adder in adders]))
    try:
        for adder in adders:
            await adder.ready()
        amiss = await blows(adders, mu, tally, seconds)
        amiss += await recovery(adders, mu)
        await mu.tear_down()
        amiss += tally.amiss() + await more_than(before, mu)
    finally:
        for adder in adders:
            adder.kill()
    kills, freezes = sum(adder.kills for adder in adders), sum(adder.freezes for adder in adders)
    print(f"{kills} kills, {freezes} freezes, {tally.calls:,} calls, the slowest {tally.slowest:.2f} s")
    for outcome, count in tally.outcomes.most_common():
        print(f"{outcome:>24}{count:12,}")
    return [f"under blows: {each}" for each in amiss]


async def blows(adders: list[Adder], mu: Mu, tally: Tally, seconds: float) -> list[str]:
    until = asyncio.get_running_loop().time() + seconds
    callers = [asyncio.create_task(tally.keep_calling(mu, until)) for _ in range(CALLERS_UNDER_BLOWS)]
    striker = asyncio.create_task(keep_striking(adders, every=1.0))
    _, hung = await asyncio.wait(callers, timeout=seconds + TIMEOUT + SLACK)
    striker.cancel()
    await asyncio.wait([striker])
    for caller in hung:
        caller.cancel()
    return [f"{len(hung)} calls hung"] if hung else []


async def recovery(adders: list[Adder], mu: Mu) -> list[str]:
    """Soon after both servers are up again, every call must be answered."""
    for adder in adders:
        await adder.ready()
    try:
        async with asyncio.timeout(5):
            while await failures(mu):
                pass
    except TimeoutError:
        return ["5 s after both servers were up again, calls still fail or hang"]
    return []


async def failures(mu: Mu) -> int:
    after = Tally()
    await after.keep_calling(mu, asyncio.get_running_loop().time() + 0.2)
    return after.calls - after.outcomes["right"]


# Both --------------------------------------------------------------------------------------------------------------


async def soak(dispatches: int, seconds: float, loop: str, complaints: Complaints) -> None:
    amiss = await dispatch_many("over tcp", server := tcp.server(), lambda: tcp.client(port=server.port), dispatches)
    amiss += await dispatch_many(
        "in process", local.server(name="adder"), lambda: local.client(name="adder"), dispatches
    )
    amiss += await under_blows(seconds, loop)
    gc.collect()
    for each in complaints.found + amiss:
        print(f"AMISS: {each}", file=sys.stderr)
    if complaints.found or amiss:
        sys.exit(1)
    print("\nnothing lost, nothing left")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="mu for a long time, and under blows.")
    parser.add_argument("--dispatches", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    default_loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default=default_loop)
    options = parser.parse_args()
    load.run(soak(options.dispatches, options.seconds, options.loop, Complaints()), options.loop)
