"""All benchmarks on one page: python benchmarks/page.py [FILE] [--quick] [--node PATH] [--only NAME ...]

Each runs by itself, one after the other, on a machine that should have nothing else to do; it takes about three
quarters of an hour. The page, docs/benchmarks.md if no FILE is named, begins with the goals, the worst first. Then
come, for each benchmark, what it measures and how, and what it has printed. Exit code 1 if one of them failed.
"""

import argparse
import ast
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path
from threading import Timer
from typing import NamedTuple

import goals
import psutil

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
PATIENCE = 3600  # seconds for one of them
BUSY = 0.25  # of a core, by others


class Benchmark(NamedTuple):
    """A program here, and what it is given: `words`, or `quick` for a short run."""

    title: str
    program: str
    words: tuple[str, ...] = ()
    quick: tuple[str, ...] = ("--quick",)


BENCHMARKS = (
    Benchmark("Requests and answers", "messages.py"),
    Benchmark("Where the time of a request goes", "messages.py", ("--profile", "--seconds", "5"), ("--profile",)),
    Benchmark("Finding a pattern", "patterns.py"),
    Benchmark("Running a system", "running.py", ("3",), ("1",)),
    Benchmark("DNS", "dns_server.py"),
    Benchmark("The whole system", "system.py"),
    Benchmark("Where the time of the whole system goes", "system.py", ("--profile",), ("--profile", "--seconds", "1")),
    Benchmark("The price of traces, for fuge", "traces.py"),
    Benchmark("The price of an engine", "engines.py", ("5",), ("1",)),
    Benchmark("From `make run` to a running system", "start.py", ("5",), ("1",)),
    Benchmark("The audit while its database dies", "audit.py", (), ("--calculations", "1000", "--kills", "1")),
    Benchmark("What a kill of the webapp loses", "webapp_killed.py", (), ("--kills", "1")),
)


class Run(NamedTuple):
    benchmark: Benchmark
    command: str
    output: str
    failed: bool


def run(benchmark: Benchmark, quick: bool, node: Path | None) -> Run:
    words = [*(benchmark.quick if quick else benchmark.words)]
    if node and benchmark.program == "system.py" and "--profile" not in words:
        words += ["--node", str(node)]
    command = " ".join(["python", f"benchmarks/{benchmark.program}", *words])
    print(f"\n== {benchmark.title}: {command}", flush=True)
    process = subprocess.Popen(
        [sys.executable, HERE / benchmark.program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    limit = Timer(PATIENCE, process.kill)
    limit.start()
    lines = []
    assert process.stdout
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    failed = process.wait() != 0
    limit.cancel()
    return Run(benchmark, command, "".join(lines).strip("\n"), failed)


# The page -------------------------------------------------------------------------------------------------------------


def page(runs: list[Run], quick: bool, busy: float) -> str:
    return "\n".join(
        [
            "# What was measured\n",
            "Made by `make bench`. Only ratios within one table mean anything: peers took turns on one machine, in",
            "the same minutes. An absolute figure says as much about the machine as about the program.\n",
            f"{conditions(quick, busy)}\n",
            "## Goals\n",
            *goals_table(runs),
            *(part for each in runs for part in section(each)),
        ]
    )


def conditions(quick: bool, busy: float) -> str:
    memory = psutil.virtual_memory().total / 2**30
    said = (
        f"{date.today():%d %B %Y}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB,"
        f" Python {platform.python_version()}."
    )
    if quick:
        said += " One short round of each: it shows that they work, not how fast things are."
    if busy > BUSY:
        said += f" Others used {busy:.1f} cores when it began, so take all of it with caution."
    return said


def goals_table(runs: list[Run]) -> list[str]:
    found = [(told, each.benchmark) for each in runs for told in goals.told(each.output)]
    if not found:
        return ["None of these has any.\n"]
    missed = sorted((each for each in found if each[0].verdict != "met"), key=shortfall)
    rows = [*missed, *(each for each in found if each[0].verdict == "met")]
    lines = ["| | goal | found | | measured by |", "|---|---|---|---|---|"]
    lines += [f"| {t.what} | {t.bound} | {t.found} | {t.verdict} | [{b.title}](#{anchor(b)}) |" for t, b in rows]
    return [*lines, ""]


def shortfall(row: tuple[goals.Told, Benchmark]) -> float:
    """As a factor, so that a hundredth of what was wanted is worse than twice as much as allowed."""
    bound, found = float(row[0].bound.split()[-1]), float(row[0].found)
    return found / bound if "least" in row[0].bound else bound / max(found, 1e-9)


def anchor(benchmark: Benchmark) -> str:
    return "".join(each for each in benchmark.title.lower().replace(" ", "-") if each.isalnum() or each == "-")


def section(each: Run) -> list[str]:
    doc = ast.get_docstring(ast.parse((HERE / each.benchmark.program).read_text(encoding="utf-8"))) or ""
    method = doc.partition("\n\n")[2]
    failed = ["**It failed.**\n"] if each.failed else []
    return [f"## {each.benchmark.title}\n", f"`{each.command}`\n", f"{method}\n", *failed, f"```\n{each.output}\n```\n"]


def busy_cores() -> float:
    return psutil.cpu_percent(1.0) / 100 * (os.cpu_count() or 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=PAGE)
    parser.add_argument("--quick", action="store_true", help="one short round of each, to see that they work")
    parser.add_argument("--node", type=Path, metavar="PATH", help="the folder of the book's system, see system.py")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="such as messages.py")
    options = parser.parse_args()
    chosen = [each for each in BENCHMARKS if not options.only or each.program in options.only]
    if not chosen:
        parser.error(f"expected some of {', '.join(each.program for each in BENCHMARKS)}, found {options.only}")
    busy = busy_cores()
    runs = []
    for each in chosen:
        runs.append(run(each, options.quick, options.node))
        # After each, so that it is there if the next is ended
        options.file.write_text(page(runs, options.quick, busy), encoding="utf-8")
    print(f"\nwritten to {options.file}")
    return 1 if any(each.failed for each in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
