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
from fuge.plan import files
from fuge.plan.system import Service

QUIET = 0.02  # seconds without a change that end a burst
LONGEST_BURST = 2  # seconds; then the service starts, even if its files go on changing
OWN_DOING = 0.4  # seconds after its start, and after it got ready, in which a change may come from the service itself
SLOW_START = 5  # seconds; it may be so too in all of a start that takes no longer
ENOUGH = 100  # changed files of a burst, to find one among them that can be named
LOOP_COUNT = 5  # so many restarts in a row by such changes are a loop
RESTARTABLE = {STARTING, RUNNING, NOT_READY, RESTARTING, FAILED, FINISHED}


class Watched:
    """What the watcher knows of one service."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.rules = rules_for(running.service)
        self.more = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.unnamed: list[Path] = []  # what has changed, until it is said which of it
        self.loops = 0
        self.before: list[Watched] = []  # the instances of the same service that restart before this one

    def is_wanted(self) -> bool:
        return self.running.watch and self.running.state in RESTARTABLE

    def concerned(self, paths: Iterable[Path], most: int) -> list[Path]:
        return list(islice(filter(self.rules.concerns, paths), most))

    def is_own_doing(self) -> bool:
        """Whether the service itself may have made a change that comes now. Who edits a file takes longer."""
        now, began = time.monotonic(), self.running.life.began
        if self.running.state == STARTING and now - began < SLOW_START:
            return True
        return now - max(began, self.running.ready_since or 0) < OWN_DOING

    def named(self) -> str:
        """The file that has changed: of several one that is still there, for one that is gone was a temporary one."""
        paths, self.unnamed = self.unnamed, []
        return next((path for path in paths if path.is_file()), paths[0]).name


class Watcher:
    """Watches all services it is given; `say(event, service, text)` tells what it does."""

    def __init__(self, say: Callable[[str, str, str], None], polling: bool = False) -> None:
        self._say = say
        self._watched: dict[str, Watched] = {}
        self._services: dict[str, list[Watched]] = {}  # the instances of each, the first one first
        self._changes = Changes(self._changed, lambda text: say("problem", "", text), polling)
        self.begun = self._changes.begun

    def follow(self, services: Sequence[Running]) -> None:
        """Watch these services from now on, and no others; when that has begun, `begun` returns."""
        wanted = [each for each in services if each.service.type == "process" and each.service.path]
        old = self._watched
        self._watched = {
            each.service.name: self._kept(each) or Watched(each) for each in wanted if not each.service.problem
        }
        self._services = {}
        for watched in self._watched.values():
            siblings = self._services.setdefault(watched.running.service.origin, [])
            watched.before = siblings.copy()
            siblings.append(watched)
        cancel(watched for name, watched in old.items() if self._watched.get(name) is not watched)
        folders = [
            each.service.path for each in wanted if each.service.path and files.kind(each.service.path) == "folder"
        ]
        self._changes.watch(outermost(folders))

    def resume(self, name: str) -> None:
        """Forget that a service was restarting itself in a loop."""
        if name in self._watched:
            self._watched[name].loops = 0

    def close(self) -> None:
        self._changes.close()
        cancel(self._watched.values())

    def _kept(self, running: Running) -> Watched | None:
        watched = self._watched.get(running.service.name)
        return watched if watched and watched.running is running else None

    def _changed(self, edited: Sequence[Path], others: Sequence[Path]) -> None:
        """What is not edited in place may be a temporary file, so that its name does not count yet."""
        for watched in self._watched.values():
            if watched.is_wanted():
                if found := watched.concerned(edited, 1):
                    self._hit(watched, found, is_sure=True)
                elif found := watched.concerned(others, ENOUGH):
                    self._hit(watched, found, is_sure=False)

    def _hit(self, watched: Watched, paths: list[Path], is_sure: bool) -> None:
        if watched.task and not watched.task.done():
            if watched.unnamed:
                watched.unnamed += paths
            watched.more.set()
            return
        watched.unnamed = paths
        is_own_doing = any(each.is_own_doing() for each in self._services[watched.running.service.origin])
        watched.task = asyncio.create_task(self._restart(watched, is_sure, is_own_doing))

    async def _restart(self, watched: Watched, is_sure: bool, is_own_doing: bool) -> None:
        """The old code is told to stop at the first change; the new code starts when the burst is over.

        A new file may be a temporary one, which is about to be renamed: then the end of the burst is waited for.
        """
        latest = time.monotonic() + LONGEST_BURST
        if not is_sure:
            await self._quiet(watched, latest)
        await its_turn(watched)
        if not watched.is_wanted():
            return
        file, name = watched.named(), watched.running.service.name
        watched.loops = watched.loops + 1 if is_own_doing else 0
        if watched.loops > LOOP_COUNT:
            watched.running.watch = False
            text = f"watch suspended: {file} changes after every start; `watch {name}` resumes it"
            self._say("watch suspended", name, text)
            return
        self._say("changed", name, f"{file} has changed, restarting")
        await watched.running.restart(lambda: self._quiet(watched, latest))

    async def _quiet(self, watched: Watched, latest: float) -> None:
        while time.monotonic() < latest:
            watched.more.clear()
            try:
                async with asyncio.timeout(QUIET):
                    await watched.more.wait()
            except TimeoutError:
                return


async def its_turn(watched: Watched) -> None:
    """Return when the instances before it have restarted, so that there is always one that answers."""
    for other in watched.before:
        if other.task and not other.task.done():
            await asyncio.wait([other.task])
        with contextlib.suppress(NotReadyError, NoEngineError):
            await other.running.settled()


def cancel(services: Iterable[Watched]) -> None:
    for watched in services:
        if watched.task:
            watched.task.cancel()


def rules_for(service: Service) -> Ignoring:
    assert service.path
    return Ignoring(service.path, service.monitor_excludes)


def outermost(folders: Sequence[Path]) -> list[Path]:
    """Without those that lie within another one, which is watched with all below it."""
    found = {folder.resolve() for folder in folders}
    return sorted(folder for folder in found if not found & set(folder.parents))
