"""How long `make run` takes until all services of a step answer: python benchmarks/start.py [ROUNDS]

Each round also times the limit: one Python that does nothing but import aiohttp.web. What counts is the ratio.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from workbook import course, ports
from workbook.course import ROOT, Recipe

PATIENCE = 60  # seconds


def seconds_to_ready(recipe: Recipe) -> float:
    """From the command to the first answer of the last service; the system is stopped again."""
    command = ["make", f"PYTHON={sys.executable}", "run", f"STEP={recipe.number}"]
    waiting = ports.free_ports(recipe.ports)
    environment = os.environ | ports.environment(waiting)
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as system:
        try:
            while waiting:
                waiting = {service: port for service, port in waiting.items() if not ports.answers(port)}
                took = time.perf_counter() - began
                if took > PATIENCE:
                    raise SystemExit(f"step {recipe.number}: {', '.join(waiting)} did not answer within {PATIENCE} s")
                time.sleep(0.005)
        finally:
            os.killpg(system.pid, signal.SIGINT)
            system.wait()
    return took


def seconds_to_import() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import aiohttp.web"], check=True)
    return time.perf_counter() - began


def main(rounds: int) -> None:
    what: dict[str, Callable[[], float]] = {"limit: import aiohttp.web": seconds_to_import}
    for recipe in course.recipes():
        what[f"make run STEP={recipe.number}"] = lambda recipe=recipe: seconds_to_ready(recipe)
    taken: dict[str, list[float]] = {name: [] for name in what}
    for _ in range(rounds + 1):
        for name, measure in what.items():
            taken[name].append(measure())
    limit = statistics.median(taken["limit: import aiohttp.web"][1:])
    for name, times in taken.items():
        kept = times[1:]  # the first round only warms up
        middle = statistics.median(kept)
        print(f"{name:26} {middle:5.2f} s (from {min(kept):.2f} to {max(kept):.2f})  {middle / limit:4.1f} x the limit")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
