"""What services use of this machine: each together with all processes that it has started."""

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psutil

LEAST = 0.9  # seconds between two looks: processors are counted in hundredths of a second
Load = tuple[float | None, int]  # percent of one processor, None at the first look; bytes
Key = tuple[int, float]  # of a process: its number may be given again, but not at the same moment
Children = Mapping[int, list[psutil.Process]]


@dataclass(frozen=True)
class Sample:
    """A process that has this many `seconds` of a processor behind it, and holds `memory` (bytes)."""

    key: Key
    seconds: float
    memory: int


class Usage:
    """Measures again and again: what was used of a processor is the difference between two looks."""

    def __init__(self) -> None:
        self._when = float("-inf")
        self._seconds: dict[Key, float] = {}  # at the last look
        self._loads: dict[str, Load] = {}

    def measure(self, pids: Mapping[str, int], now: float) -> dict[str, Load]:
        """The load of each process tree, by the name it is asked with; `now` is in seconds, of any clock.

        Memory that processes share counts for each of them. What has ended, or is not ours to see, is left out.
        """
        if now - self._when >= LEAST:
            children = children_of_all()
            trees = {name: list(samples(pid, children)) for name, pid in pids.items()}
            self._loads = {name: self._load(tree, now - self._when) for name, tree in trees.items() if tree}
            self._seconds = {each.key: each.seconds for tree in trees.values() for each in tree}
            self._when = now
        return {name: load for name, load in self._loads.items() if name in pids}

    def _load(self, tree: list[Sample], passed: float) -> Load:
        memory = sum(each.memory for each in tree)
        if tree[0].key not in self._seconds:
            return None, memory
        used = sum(each.seconds - self._seconds.get(each.key, 0) for each in tree)
        return round(100 * used / passed, 1), memory


def children_of_all() -> Children:
    """All processes by who has started them: to look once is cheaper than to look for each service."""
    found: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found.setdefault(process.ppid(), []).append(process)
    return found


def samples(pid: int, children: Children) -> Iterator[Sample]:
    """Of a process, and then of all below it."""
    with contextlib.suppress(psutil.Error):
        left = deque([psutil.Process(pid)])
        while left:
            process = left.popleft()
            left.extend(children.get(process.pid, ()))
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                key = (process.pid, process.create_time())
                yield Sample(key, times.user + times.system, process.memory_info().rss)
