"""Finding the pattern that fits a message, in tables of 10 to 100,000: python benchmarks/patterns.py [--quick]

Lookups per second of mu, of the tables of Node's mu (bloomrun) and of seneca (patrun), and of a plain scan. Patterns
are a role and a command, ten commands a role; in the mixed table, one of the ten commands is "*" and one an expression,
which the two of Node do not know in this sense. mu looks into one dictionary for each set of keys, whatever the number
of patterns: what a large table costs more than a small one is the memory that it is spread over. Every figure is a
median; the tables take turns in each round.
"""

import argparse
import json
import random
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import goals
from mu_peers.pair import core
from mu_peers.tables import Find, Pattern, literal, message_for, mixed, ours, scan
from peers import node_packages

COUNTS = (10, 1_000, 10_000, 100_000)
MILLIONS = 1.5  # the goal: of lookups a second, in the largest table
MESSAGES, AT_ONCE = 1_000, 100
Measure = Callable[[float], float]
"""Looks up for so many seconds, and tells how many lookups there were in one."""


def in_python(find: Find, messages: list[Pattern], expected: list[int]) -> Measure:
    for message, number in zip(messages, expected, strict=True):
        found = find(message)
        assert found is not None
        assert found.target == number
    pieces = [messages[at : at + AT_ONCE] for at in range(0, len(messages), AT_ONCE)]

    def measure(seconds: float) -> float:
        began = time.perf_counter()
        lookups = 0
        while (now := time.perf_counter()) < began + seconds:
            for message in pieces[lookups // AT_ONCE % len(pieces)]:
                find(message)
            lookups += AT_ONCE
        return lookups / (now - began)

    return measure


class InNode:
    """A table of Node's, in a process of its own."""

    def __init__(self, modules: Path, name: str, table: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            ["node", Path(__file__).parent / "mu_peers" / "patterns.js", name],
            env={"NODE_PATH": str(modules)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask(json.dumps(table))

    def _ask(self, line: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def measure(self, seconds: float) -> float:
        return float(self._ask(str(seconds)))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def rates(kind: Callable[[int], Pattern], count: int, modules: Path | None, options: argparse.Namespace) -> list[float]:
    """The median rate of each table, in the order of the names in `main`."""
    patterns = [kind(number) for number in range(count)]
    expected = random.Random(count).choices(range(count), k=MESSAGES)
    messages = [message_for(number, patterns[number]) for number in expected]
    given = {"patterns": patterns, "messages": messages, "expected": expected}
    measures = [in_python(make(patterns), messages, expected) for make in (ours, scan)]
    in_node = [InNode(modules, name, given) for name in ("bloomrun", "patrun")] if modules else []
    measures += [table.measure for table in in_node]
    try:
        rounds = [[measure(options.seconds) for measure in measures] for _ in range(options.rounds + 1)]
    finally:
        for table in in_node:
            table.close()
    return [statistics.median(each) for each in zip(*rounds[1:], strict=True)]  # the first round only warms up


def main(options: argparse.Namespace) -> None:
    modules = node_packages("bloomrun@3.0.6", "patrun@7.3.0")
    names = ["mu", "a plain scan", "bloomrun 3.0.6", "patrun 7.3.0"]
    for title, kind, peers in (("literal patterns", literal, modules), ("mixed patterns", mixed, None)):
        print(f"\n{title}: lookups per second, median of {options.rounds} rounds of {options.seconds:g} s (x mu)")
        columns = [rates(kind, count, peers, options) for count in COUNTS]
        print(f"{'':16}" + "".join(f"{count:>22,}" for count in COUNTS))
        for name, row in zip(names, zip(*columns, strict=True), strict=False):
            cells = (
                f"{rate:12,.0f}{f'({rate / column[0]:.2g})':>10}" for rate, column in zip(row, columns, strict=True)
            )
            print(f"{name:16}" + "".join(cells), flush=True)
        goals.tell(f"{title}: millions of lookups/s in {COUNTS[-1]:,}", columns[-1][0] / 1e6, at_least=MILLIONS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Lookups of patterns per second.")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each measurement")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = 1, 0.1
    with core(0):
        main(chosen)
