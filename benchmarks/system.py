"""The final system under load: python benchmarks/system.py [--node PATH] [--seconds N] [--quick] [--profile]

wrk posts forms to /add/calculate of step 07, with real MongoDB and Redis, and in turn to a bare aiohttp handler that
parses the same form. Every figure is a median of the rounds, and a ratio that of the rates within a round. After each
load every calculation must be in the audit, and every page load counted, exactly once; exit code 1 if not. What is not
stored yet when a load ends must not grow with its length: at last comes one that is three times as long.

--node: a folder with the book's system, ready to run; see system_peers/node.py. --profile: where the time goes.
"""

import argparse
import contextlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import goals
from layers import Layers
from system_peers import node, visitors
from system_peers.cost import Cost
from system_peers.stored import Backlog, Stored, backlog, differences
from system_peers.visitors import Load

from fuge import ports
from workbook import course
from workbook.ports import answers
from workbook.system import System

HERE = Path(__file__).resolve().parent
PATH = "/add/calculate"
OURS, BARE, BARE_UVLOOP, NODE = "step 07", "bare handler", "the same on uvloop", "Node, as in the book"
OF_BARE, SLOWEST, OF_NODE = 0.6, 40.0, {16: 15, 64: 20}  # the goals, at 64 connections but for Node
CONNECTIONS = (1, 16, 64)
PROFILED = ("webapp", "audit_service", "event_service", "adder_service")
PATIENCE = 10.0  # seconds for the bare handler to start


class Ours:
    """The system, and what was posted to it so far."""

    def __init__(self, system: System, stored: Stored) -> None:
        self.system, self.stored, self.posted, self.wrong = system, stored, 0, False
        self.backlogs: list[Backlog] = []

    def load(self, connections: int, seconds: float) -> Load:
        began, first = time.time(), self.posted + 1
        self.stored.seen.clear()
        load = visitors.calculate(self.system.url("webapp", PATH), connections, seconds, first, self.stored.look)
        self.posted += len(load.numbers)
        self.stored.wait_for(self.posted)
        self.backlogs.append(backlog(self.stored.seen, load.stop, self.posted))
        self._check(load, began)
        return load

    def _check(self, load: Load, began: float) -> None:
        sums = {f"{number} + 1 = {number + 1}" for number in load.numbers}
        urls = {self.system.url("webapp", f"{PATH}?{number}") for number in load.numbers}
        in_audit = differences(self.stored.calculations(began), sums)
        in_report = differences(self.stored.page_loads(began), urls)
        for name, amiss in (("calculations", in_audit), ("page loads", in_report)):
            if amiss:
                self.wrong = True
                print(f"WRONG: of {len(load.numbers):,} {name}: {amiss}")


@contextlib.contextmanager
def step_07(*, traced: bool = False) -> Iterator[Ours]:
    """Without its traces, unless asked: neither has the bare handler any."""
    recipe = course.recipe("07")
    with tempfile.TemporaryDirectory() as folder:
        step = Path(shutil.copytree(recipe.step, Path(folder, "step"), ignore=shutil.ignore_patterns(".fuge")))
        system = System(step, recipe)
        if not traced:
            system.environment["OTEL_SDK_DISABLED"] = "true"
        with system, Stored(system.ports["mongo"], system.ports["redis"]) as stored:
            yield Ours(system, stored)


@contextlib.contextmanager
def bare(loop: str) -> Iterator[str]:
    """Its address."""
    (port,) = ports.free(1)
    process = subprocess.Popen([sys.executable, HERE / "system_peers" / "bare.py", loop, str(port)])
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the bare handler did not start: run system_peers/bare.py to see why")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        process.kill()
        process.wait()


# Measuring -----------------------------------------------------------------------------------------------------------


def measure(options: argparse.Namespace) -> bool:
    """Whether everything was stored as it should be."""
    rounds, seconds = (1, 1.0) if options.quick else (options.rounds, options.seconds)
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(step_07())
        peers: dict[str, Callable[[int, float], Load]] = {OURS: ours.load}
        for name, loop in ((BARE, "asyncio"), (BARE_UVLOOP, "uvloop")):
            peers[name] = at(stack.enter_context(bare(loop)))
        if options.node:
            book = stack.enter_context(node.started(options.node.resolve(), options.node_command, options.node_url))
            peers[NODE] = at(book.url, book.settle)
        for connections in CONNECTIONS:
            taken: dict[str, list[Load]] = {name: [] for name in peers}
            for load in peers.values():
                load(connections, min(1.0, seconds))  # warms up
            ours.backlogs.clear()
            for _ in range(rounds):
                for name, load in peers.items():
                    taken[name].append(load(connections, seconds))
            print(f"\n{connections} connections, median of {rounds} rounds of {seconds:g} s")
            print_table(taken)
            print_goals(taken, connections)
        print_backlogs(ours, connections, seconds)
        return not ours.wrong


def at(url: str, afterwards: Callable[[], None] = lambda: None) -> Callable[[int, float], Load]:
    def load(connections: int, seconds: float) -> Load:
        done = visitors.calculate(url, connections, seconds, 1)
        afterwards()
        return done

    return load


def print_table(taken: dict[str, list[Load]]) -> None:
    others = [name for name in taken if name != OURS]
    print(f"{'':22}{'requests/s':>12}{'p50, ms':>10}{'p99, ms':>10}{'failed':>8}{'ours, x this':>14}")
    for name, rounds in taken.items():
        line = (
            f"{statistics.median(load.rate for load in rounds):12,.0f}"
            f"{statistics.median(load.p50 for load in rounds):10.1f}"
            f"{statistics.median(load.p99 for load in rounds):10.1f}"
            f"{sum(load.failed for load in rounds):8,}"
        )
        of_this = f"{ratio(taken[OURS], rounds):14.3g}" if name in others else ""
        print(f"{name:22}{line}{of_this}", flush=True)


def ratio(mine: list[Load], others: list[Load]) -> float:
    return statistics.median(own.rate / max(other.rate, 0.1) for own, other in zip(mine, others, strict=True))


def print_goals(taken: dict[str, list[Load]], connections: int) -> None:
    ours = taken[OURS]
    if connections == max(CONNECTIONS):
        goals.tell(f"step 07 x a bare handler, {connections} connections", ratio(ours, taken[BARE]), at_least=OF_BARE)
        p99 = statistics.median(load.p99 for load in ours)
        goals.tell(f"step 07: p99 at {connections} connections, ms", p99, at_most=SLOWEST)
    if NODE in taken and connections in OF_NODE:
        of_node = ratio(ours, taken[NODE])
        goals.tell(f"step 07 x Node, {connections} connections", of_node, at_least=OF_NODE[connections])


def print_backlogs(ours: Ours, connections: int, seconds: float) -> None:
    short = ours.backlogs.copy()
    ours.backlogs.clear()
    load = ours.load(connections, 3 * seconds)
    print(f"\nposted but not yet stored when a load of {connections} connections ended")
    print(f"{'':22}{'calculations':>14}{'page loads':>12}{'in Redis':>10}{'all stored after, s':>21}")
    middle = Backlog(*(statistics.median(each) for each in zip(*short, strict=True)))
    for length, left in ((seconds, middle), (3 * seconds, ours.backlogs[0])):
        print(
            f"{f'after {length:g} s':22}{left.calculations:14,.0f}{left.page_loads:12,.0f}"
            f"{left.queue:10,.0f}{left.seconds:21.2f}"
        )
    stored = len(load.numbers) / (3 * seconds + ours.backlogs[0].seconds)
    print(f"sustained to the database: {stored:,.0f} a second, while {load.rate:,.0f} were answered")
    print(
        f"{ours.posted:,} calculations and page loads" + (": see above" if ours.wrong else ", each there exactly once")
    )


# Where the time goes -------------------------------------------------------------------------------------------------


def profile(seconds: float) -> bool:
    connections = max(CONNECTIONS)
    with step_07() as ours:
        ours.load(connections, 1.0)
        cost = Cost(ours.system)
        load = ours.load(connections, seconds)
        spent = cost.spent()
        print(f"\nmicroseconds of the processor for each of {load.rate:,.0f} requests/s, {connections} connections")
        for name, used in spent.items():
            print(f"{name:22}{1e6 * used / load.answered:8.0f}")
        print(f"{'all of these':22}{1e6 * sum(spent.values()) / load.answered:8.0f}")
        for name in PROFILED:
            service = ours.system.folder / name
            with Layers(ours.system.process(name).pid, seconds, service) as layers:
                ours.load(connections, seconds + 1)
            layers.tell(f"{name}, {1e6 * spent[name] / load.answered:.0f} us")
    with step_07(traced=True) as traced:
        traced.load(connections, 1.0)
        rate = traced.load(connections, seconds).rate
        print(f"\nwith traces: {rate:,.0f} requests/s, {rate / load.rate:.2f} of those without")
    return not (ours.wrong or traced.wrong)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each measurement")
    parser.add_argument("--node", type=Path, metavar="PATH", help="the folder of the book's system in Node")
    parser.add_argument("--node-command", default="", metavar="COMMAND", help="runs it, instead of Node's fuge")
    parser.add_argument("--node-url", default=f"http://127.0.0.1:3000{PATH}", metavar="URL")
    parser.add_argument("--profile", action="store_true", help="only tell where the time goes")
    chosen = parser.parse_args()
    visitors.check()
    sys.exit(0 if (profile(chosen.seconds) if chosen.profile else measure(chosen)) else 1)
