"""Watches the folders of services, and restarts a service once for each burst of changes."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from fuge.engine.changes import Changes
from fuge.engine.ignoring import Ignoring
from fuge.engine.running import Running
from fuge.engine.states import FAILED, FINISHED, NOT_READY, RESTARTING, RUNNING, STARTING
from fuge.errors import NoEngineError, NotReadyError
from fuge.plan.system import Service

QUIET = 0.02  # seconds without a change that end a burst
LONGEST_BURST = 2  # seconds; then the service starts, even if its files go on changing
SETTLED = 0.4  # seconds after its start, and after it got ready, in which a change may be a service's own doing
SLOW_START = 5  # seconds; it may be so too in all of a start that takes no longer
ENOUGH = 100  # changed files of a burst, to find one among them that can be named
LOOP_COUNT = 5  # so many restarts in a row by such changes are a loop
RESTARTABLE = {STARTING, RUNNING, NOT_READY, RESTARTING, FAILED, FINISHED}


class Burst:
    """What the watcher knows of one service."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.rules = rules_for(running.service)
        self.more = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.unnamed: list[Path] = []  # what has changed, until it is said which of it
        self.loops = 0
        self.before: list[Burst] = []  # the instances of the same service that restart before this one

    def is_wanted(self) -> bool:
        return self.running.watch and self.running.state in RESTARTABLE

    def concerned(self, paths: Iterable[Path], most: int) -> list[Path]:
        return list(islice(filter(self.rules.concerns, paths), most))

    def is_own_doing(self) -> bool:
        """Whether the service itself may have made a change that comes now. Who edits a file takes longer."""
        now, began = time.monotonic(), self.running.life.began
        if self.running.state == STARTING and now - began < SLOW_START:
            return True
        return now - max(began, self.running.ready_since or 0) < SETTLED

    def named(self) -> str:
        """The file that has changed: of several one that is still there, for one that is gone was a temporary one."""
        paths, self.unnamed = self.unnamed, []
        return next((path for path in paths if path.is_file()), paths[0]).name


class Watcher:
    """Watches all services it is given; `say(event, service, text)` tells what it does."""

    def __init__(self, say: Callable[[str, str, str], None], polling: bool = False) -> None:
        self._say = say
        self._bursts: dict[str, Burst] = {}
        self._services: dict[str, list[Burst]] = {}  # the instances of each, the first one first
        self._changes = Changes(self._changed, lambda text: say("problem", "", text), polling)
        self.begun = self._changes.begun

    def follow(self, services: Sequence[Running]) -> None:
        """Watch these services from now on, and no others; when that has begun, `begun` returns."""
        wanted = [each for each in services if each.service.type == "process" and each.service.path]
        old = self._bursts
        self._bursts = {
            each.service.name: self._kept(each) or Burst(each) for each in wanted if not each.service.problem
        }
        self._services = {}
        for burst in self._bursts.values():
            siblings = self._services.setdefault(burst.running.service.origin, [])
            burst.before = siblings.copy()
            siblings.append(burst)
        cancel(burst for name, burst in old.items() if self._bursts.get(name) is not burst)
        folders = [each.service.path for each in wanted if each.service.path and each.service.path.is_dir()]
        self._changes.watch(outermost(folders))

    def resume(self, name: str) -> None:
        """Forget that a service was restarting itself in a loop."""
        if name in self._bursts:
            self._bursts[name].loops = 0

    def close(self) -> None:
        self._changes.close()
        cancel(self._bursts.values())

    def _kept(self, running: Running) -> Burst | None:
        burst = self._bursts.get(running.service.name)
        return burst if burst and burst.running is running else None

    def _changed(self, edited: Sequence[Path], others: Sequence[Path]) -> None:
        """What is not edited in place may be a temporary file, so that its name does not count yet."""
        for burst in self._bursts.values():
            if burst.is_wanted():
                if found := burst.concerned(edited, 1):
                    self._hit(burst, found, is_sure=True)
                elif found := burst.concerned(others, ENOUGH):
                    self._hit(burst, found, is_sure=False)

    def _hit(self, burst: Burst, paths: list[Path], is_sure: bool) -> None:
        if burst.task and not burst.task.done():
            if burst.unnamed:
                burst.unnamed += paths
            burst.more.set()
            return
        burst.unnamed = paths
        is_own_doing = any(each.is_own_doing() for each in self._services[burst.running.service.origin])
        burst.task = asyncio.create_task(self._restart(burst, is_sure, is_own_doing))

    async def _restart(self, burst: Burst, is_sure: bool, is_own_doing: bool) -> None:
        """The old code is told to stop at the first change; the new code starts when the burst is over.

        A new file may be a temporary one, which is about to be renamed: then the end of the burst is waited for.
        """
        latest = time.monotonic() + LONGEST_BURST
        if not is_sure:
            await self._quiet(burst, latest)
        await its_turn(burst)
        if not burst.is_wanted():
            return
        file, name = burst.named(), burst.running.service.name
        burst.loops = burst.loops + 1 if is_own_doing else 0
        if burst.loops > LOOP_COUNT:
            burst.running.watch = False
            text = f"watch suspended: {file} changes after every start; `watch {name}` resumes it"
            self._say("watch suspended", name, text)
            return
        self._say("changed", name, f"{file} has changed, restarting")
        await burst.running.restart(lambda: self._quiet(burst, latest))

    async def _quiet(self, burst: Burst, latest: float) -> None:
        while time.monotonic() < latest:
            burst.more.clear()
            try:
                await asyncio.wait_for(burst.more.wait(), QUIET)
            except TimeoutError:
                return


async def its_turn(burst: Burst) -> None:
    """Return when the instances before it have restarted, so that there is always one that answers."""
    for other in burst.before:
        if other.task and not other.task.done():
            await asyncio.wait([other.task])
        with contextlib.suppress(NotReadyError, NoEngineError):
            await other.running.settled()


def cancel(bursts: Iterable[Burst]) -> None:
    for burst in bursts:
        if burst.task:
            burst.task.cancel()


def rules_for(service: Service) -> Ignoring:
    assert service.path
    return Ignoring(service.path, service.monitor_excludes)


def outermost(folders: Sequence[Path]) -> list[Path]:
    """Without those that lie within another one, which is watched with all below it."""
    found = {folder.resolve() for folder in folders}
    return sorted(folder for folder in found if not found & set(folder.parents))
