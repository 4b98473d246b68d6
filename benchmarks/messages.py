"""Requests and answers: mu, Node's mu, moleculer and the limit: python benchmarks/messages.py [--quick | --profile]

A client asks a server for a sum, with 1, 16, 128 or 1,024 calls under way; each has a core of its own. The limit is
what asyncio.Protocol with a fast JSON does without any routing. `its server alone` has the limit's client. Every figure
is a median; the peers take turns in each round, and ratios are taken within a round. `us` are microseconds of the
processor for each request. `hung` is a call that was never answered, `died` a process that ended.
"""

import argparse
import asyncio
import os
import statistics
from collections.abc import Callable

import goals
from layers import Layers
from mu_peers.pair import Figures, Pair, Program
from peers import node_packages

from fuge import ports

IN_FLIGHT = (1, 16, 128, 1024)
OF_THE_FASTEST_PEER = {1: 1.5, 16: 1.1, 128: 1.5}  # goals, by how many calls are under way
PROFILED = 128  # calls under way
FAST, POOLED, STANDARD = "mu[fast]", "mu[fast], pool=4", "mu, standard library"
FASTEST_PEER, LIMIT = "moleculer 0.14.36", "limit, uvloop"
SERVER = {FAST: 8.0, POOLED: 5.0, STANDARD: 14.0}  # goals: microseconds at the server for each request, 128 under way


def programs() -> list[Program]:
    found = [
        Program(STANDARD, "ours.py", ("asyncio", "1")),
        Program(FAST, "ours.py", ("uvloop", "1")),
        Program(POOLED, "ours.py", ("uvloop", "4")),
        Program("its server alone", "bare.py", ("uvloop", "1")),
        Program("the same, pool=4", "bare.py", ("uvloop", "4")),
    ]
    if modules := node_packages("mu@2.0.5", "mu-tcp@1.0.4"):
        found.append(Program("Node mu 2.0.5", "mu.js", (), modules))
    if modules := node_packages("moleculer@0.14.36"):
        found.append(Program(FASTEST_PEER, "moleculer.js", (), modules))
    return [*found, Program("limit, asyncio", "limit.py", ("asyncio",)), Program(LIMIT, "limit.py", ("uvloop",))]


async def main(rounds: int, seconds: float) -> None:
    peers = programs()
    free = ports.free(2 * len(peers))
    pairs = [Pair(peer, free[2 * number : 2 * number + 2]) for number, peer in enumerate(peers)]
    print_conditions()
    try:
        for in_flight in IN_FLIGHT:
            taken: dict[str, list[Figures]] = {pair.program.name: [] for pair in pairs}
            for _ in range(rounds):
                for pair in pairs:
                    await pair.measure(in_flight, seconds / 5)  # warms up
                    taken[pair.program.name].append(await pair.measure(in_flight, seconds))
            print(f"\n{in_flight:,} in flight, median of {rounds} rounds of {seconds:g} s")
            print_table(taken)
            print_goals(taken, in_flight)
    finally:
        for pair in pairs:
            await pair.close()


def print_conditions() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    if cores < 2:
        print("(server and client share the cores: the figures tell little)")


def print_table(taken: dict[str, list[Figures]]) -> None:
    heads = {"requests/s": 12, "x moleculer": 13, "x limit": 9, "p50, ms": 9, "p99, ms": 9}
    heads |= {"server, us": 12, "client, us": 12}
    print(f"{'':22}" + "".join(f"{head:>{width}}" for head, width in heads.items()))
    for name, rounds in taken.items():
        good = [figures for figures in rounds if not figures.amiss]
        amiss = [figures.amiss for figures in rounds if figures.amiss]
        words = ", ".join(f"{word} in {amiss.count(word)} of {len(rounds)}" for word in sorted(set(amiss)))
        line = f"{words:>12}"
        if good:
            line = (
                f"{middle(good, lambda figures: figures.rate):12,.0f}"
                f"{shown(ratio(rounds, taken.get(FASTEST_PEER))):>13}{shown(ratio(rounds, taken[LIMIT])):>9}"
                f"{1e3 * middle(good, lambda figures: figures.p50):9.2f}"
                f"{1e3 * middle(good, lambda figures: figures.p99):9.2f}"
                f"{1e6 * middle(good, lambda figures: figures.server):12.1f}"
                f"{1e6 * middle(good, lambda figures: figures.client):12.1f}  {words}"
            )
        print(f"{name:22}{line}".rstrip(), flush=True)


def middle(rounds: list[Figures], what: Callable[[Figures], float]) -> float:
    return statistics.median(map(what, rounds))


def ratio(mine: list[Figures], others: list[Figures] | None) -> float | None:
    """Of the rates, round by round."""
    both = zip(mine, others or [], strict=False)
    ratios = [own.rate / other.rate for own, other in both if not own.amiss and not other.amiss]
    return statistics.median(ratios) if ratios else None


def shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.3g}"


def print_goals(taken: dict[str, list[Figures]], in_flight: int) -> None:
    if in_flight in OF_THE_FASTEST_PEER:
        found = ratio(taken[FAST], taken.get(FASTEST_PEER))
        goals.tell(f"{FAST} x moleculer, {in_flight} in flight", found, at_least=OF_THE_FASTEST_PEER[in_flight])
    if in_flight == 128:
        for name, most in SERVER.items():
            good = [figures for figures in taken[name] if not figures.amiss]
            spent = 1e6 * middle(good, lambda figures: figures.server) if good else None
            goals.tell(f"{name}: us at the server for each request", spent, at_most=most)


async def profile(seconds: float) -> None:
    pair = Pair(Program(FAST, "ours.py", ("uvloop", "1")), ports.free(2))
    try:
        figures = await pair.measure(PROFILED, seconds)
        spent = {"server": figures.server, "client": figures.client}
        print(f"{FAST}, {PROFILED} in flight")
        for half, pid in pair.pids.items():
            with Layers(pid, seconds) as layers:
                await pair.measure(PROFILED, seconds + 1)
            layers.tell(f"{half}, {1e6 * spent[half]:.1f} us for each request")
    finally:
        await pair.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Requests and answers per second.")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--profile", action="store_true", help="only tell where the time goes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each measurement")
    options = parser.parse_args()
    if options.profile:
        asyncio.run(profile(options.seconds))
    else:
        asyncio.run(main(1, 0.4) if options.quick else main(options.rounds, options.seconds))
