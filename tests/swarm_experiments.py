"""What becomes of visitors while a cluster changes: python tests/swarm_experiments.py

Runs the system of recipe 07, from images, on a Docker Swarm of two machines (as root, on Linux; `swarm_nodes.py`), and
stores what was seen beside the notebook of recipe 08, which shows it. It takes some minutes.
"""

import datetime
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import docker_images
import psutil
import swarm_nodes
from exported import Exported
from helpers import wait_until
from swarm_nodes import Swarm, client

from workbook import course
from workbook.browser import NoAnswer, request

CHAPTER = course.chapter("08")
VISITORS = 4
PAUSE = 0.1  # seconds of a visitor between an answer and the next question
AROUND = 3.0  # seconds of visits before and after
PATIENCE = 240  # seconds for the cluster
KEEPING = ("mongo", "redis", "webapp")  # services with a volume, which is on one machine and no other


@dataclass(frozen=True)
class Visit:
    began: float
    seconds: float
    right: bool


class Visitors:
    """`with Visitors(system) as visitors:` some who add numbers all the time."""

    def __init__(self, system: Exported) -> None:
        self.visits: list[Visit] = []
        self._url = f"http://{system.host}:{system.port}/add/calculate"
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._come, args=(number,)) for number in range(VISITORS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        time.sleep(AROUND)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        time.sleep(AROUND)
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _come(self, first: int) -> None:
        second = 0
        while not self._over.wait(PAUSE):
            second += 1
            began = time.monotonic()
            try:
                text = request("POST", self._url, {"first": str(first), "second": str(second)}).text
            except NoAnswer:
                text = ""
            self.visits.append(Visit(began, time.monotonic() - began, f">{first + second}</output>" in text))


class Experiments:
    """What is done to the adder and to a machine, and what visitors see of it."""

    def __init__(self, swarm: Swarm, system: Exported) -> None:
        self._swarm, self._system = swarm, system
        self._adder = f"{system.project}_adder_service"
        self.results: list[dict[str, object]] = []

    def deploy(self) -> None:
        stack = str(self._system.folder / "out" / "stack.yaml")
        self._swarm.docker("stack", "deploy", "--resolve-image", "never", "-c", stack, self._system.project)
        first, _ = self._swarm.nodes
        for name in KEEPING:
            pin = ("--detach", "--constraint-add", f"node.hostname=={first.name}")
            self._swarm.docker("service", "update", *pin, f"{self._system.project}_{name}")
        self._system.host = first.address
        assert self._system.is_there()
        assert self._system.comes_to_add("19", "23", "42")

    def update_one(self) -> None:
        self._watched("a new version of the only adder", self._update)

    def update_one_with_overlap(self) -> None:
        self._watched("the same, the new one started first", lambda: self._update("--update-order", "start-first"))
        self._swarm.docker("service", "update", "--detach", "--update-order", "stop-first", self._adder)

    def scale(self) -> None:
        def to_three() -> None:
            self._swarm.docker("service", "scale", "--detach", f"{self._adder}=3")
            self._wait(lambda: len(self._adders()) == 3)

        self._watched("from one adder to three", to_three)

    def update_three(self) -> None:
        self._watched("a new version of three adders, one after the other", self._update)

    def update_three_with_a_broken_one(self) -> None:
        def broken() -> None:
            undo = ("--update-failure-action", "rollback")
            self._update(*undo, "--args", "python missing.py", until="rollback_completed")

        self._watched("a new version of three adders that does not start, and is taken back", broken)

    def lose_a_machine(self) -> None:
        """Its cable is pulled out: what runs there runs on, and nobody hears of it."""
        _, lost = self._swarm.nodes
        there = self._adders().count(lost.name)

        def pull() -> None:
            swarm_nodes.run("ip", "-n", lost.network, "link", "set", "eth0", "down")
            self._wait(lambda: len(self._adders()) == 3 and lost.name not in self._adders())

        self._watched(f"a machine with {there} of the three adders is lost", pull)

    def _update(self, *words: str, until: str = "completed") -> None:
        """As for a new version: each instance is replaced."""
        self._swarm.docker("service", "update", "--detach", "--force", *words, self._adder)
        state = "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"  # none for a moment
        self._wait(lambda: self._swarm.docker("service", "inspect", "--format", state, self._adder).strip() == until)

    def _adders(self) -> list[str]:
        """The machines of those that run."""
        tasks = self._swarm.tasks(self._system.project)
        return [node for name, node, state in tasks if name == "adder_service" and state == "Running"]

    def _wait(self, condition: Callable[[], bool]) -> None:
        assert wait_until(condition, PATIENCE), self._swarm.docker("stack", "ps", self._system.project)

    def _watched(self, what: str, change: Callable[[], None]) -> None:
        with Visitors(self._system) as visitors:
            began = time.monotonic()
            change()
            seconds = time.monotonic() - began
        result = {
            "what": what,
            "seconds": round(seconds, 1),
            "visits": len(visitors.visits),
            "failed": sum(not visit.right for visit in visitors.visits),
            "slowest": round(max(visit.seconds for visit in visitors.visits), 2),
        }
        print(result, flush=True)
        self.results.append(result)


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} processors, {memory:.0f} GiB, Linux {platform.release()}"


def main() -> None:
    if problem := swarm_nodes.why_not():
        raise SystemExit(f"no Docker Swarm: {problem}")
    with tempfile.TemporaryDirectory() as folder, Swarm() as swarm:
        system = Exported(course.before(CHAPTER), Path(folder), swarm.nodes[0].url)
        docker_images.make(system.api, "mongo", "redis")
        swarm.give(*system.build(), "mongo", "redis")
        system.fuge("export", "swarm", "-o", "out")
        with client(swarm.nodes[0]) as api:
            engine = f"Docker {api.info()['ServerVersion']}, a Swarm of two machines"
        experiments = Experiments(swarm, system)
        experiments.deploy()
        experiments.update_one()
        experiments.update_one_with_overlap()
        experiments.scale()
        experiments.update_three()
        experiments.update_three_with_a_broken_one()
        experiments.lose_a_machine()
        system.api.close()
    seen = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "engine": engine,
        "experiments": experiments.results,
    }
    CHAPTER.notebook.with_suffix(".json").write_text(json.dumps(seen, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
