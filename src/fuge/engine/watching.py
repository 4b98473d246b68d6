"""Watches the folders of services, and restarts a service once for each burst of changes."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from watchfiles import watch

from fuge.engine.ignoring import Ignoring
from fuge.engine.running import Running
from fuge.engine.states import FAILED, FINISHED, NOT_READY, RESTARTING, RUNNING, STARTING
from fuge.plan.system import Service

QUIET = 0.02  # seconds without a change that end a burst
LONGEST_BURST = 2  # seconds; then the service starts, even if its files go on changing
STEP = 5  # milliseconds in which changes are gathered before we hear of them
SETTLED = 0.4  # seconds after its start, and after it got ready, in which a change may be a service's own doing
SLOW_START = 5  # seconds; it may be so too in all of a start that takes no longer
LOOP_COUNT = 5  # so many restarts in a row by such changes are a loop
RESTARTABLE = {STARTING, RUNNING, NOT_READY, RESTARTING, FAILED, FINISHED}


class Burst:
    """What the watcher knows of one service."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.rules = rules_for(running.service)
        self.more = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.loops = 0
        self.began = 0.0  # time.monotonic() of the last restart

    def is_own_doing(self) -> bool:
        """Whether the service itself may have made a change that comes now. Who edits a file takes longer."""
        now = time.monotonic()
        if self.running.state == STARTING and now - self.began < SLOW_START:
            return True
        return now - max(self.began, self.running.ready_since or 0) < SETTLED


class Watcher:
    """Watches all services it is given; `say(event, service, text)` tells what it does."""

    def __init__(self, say: Callable[[str, str, str], None], polling: bool = False) -> None:
        self._say = say
        self._polling = polling or None  # None: as the environment (WATCHFILES_FORCE_POLLING) has it
        self._bursts: dict[str, Burst] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._folders: list[Path] = []

    def follow(self, services: Sequence[Running]) -> None:
        """Watch these services from now on, and no others."""
        wanted = [each for each in services if each.service.type == "process" and each.service.path]
        self._bursts = {
            each.service.name: self._kept(each) or Burst(each) for each in wanted if not each.service.problem
        }
        folders = outermost([each.service.path for each in wanted if each.service.path and each.service.path.is_dir()])
        if folders != self._folders:
            self._stop.set()
            self._stop, self._folders = threading.Event(), folders
            if folders:
                arguments = (folders, self._stop, asyncio.get_running_loop())
                self._thread = threading.Thread(target=self._watch, args=arguments, daemon=True, name="watcher")
                self._thread.start()

    def resume(self, name: str) -> None:
        """Forget that a service was restarting itself in a loop."""
        if name in self._bursts:
            self._bursts[name].loops = 0

    def close(self) -> None:
        self._stop.set()
        for burst in self._bursts.values():
            if burst.task:
                burst.task.cancel()

    def _kept(self, running: Running) -> Burst | None:
        burst = self._bursts.get(running.service.name)
        return burst if burst and burst.running is running else None

    def _watch(self, folders: list[Path], stop: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own: passes each change on to the loop."""
        try:
            self._pass_changes_on(folders, stop, loop, self._polling)
        except OSError as error:  # such as too many folders for the system's limit
            text = f"cannot watch the folders of services ({error}): they are looked at several times a second instead"
            loop.call_soon_threadsafe(self._say, "problem", "", text)
            self._pass_changes_on(folders, stop, loop, polling=True)

    def _pass_changes_on(
        self, folders: list[Path], stop: threading.Event, loop: asyncio.AbstractEventLoop, polling: bool | None
    ) -> None:
        changes_in = partial(watch, *folders, watch_filter=None, step=STEP, debounce=STEP, force_polling=polling)
        for changes in changes_in(stop_event=stop, rust_timeout=1000, raise_interrupt=False):
            paths = [Path(path) for _, path in changes]
            try:
                loop.call_soon_threadsafe(self._changed, paths)
            except RuntimeError:  # the loop has ended
                return

    def _changed(self, paths: list[Path]) -> None:
        for burst in self._bursts.values():
            if burst.running.watch and burst.running.state in RESTARTABLE:
                path = next((path for path in paths if burst.rules.concerns(path)), None)
                if path:
                    self._hit(burst, path)

    def _hit(self, burst: Burst, path: Path) -> None:
        if burst.task and not burst.task.done():
            burst.more.set()
            return
        name = burst.running.service.name
        burst.loops = burst.loops + 1 if burst.is_own_doing() else 0
        if burst.loops > LOOP_COUNT:
            burst.running.watch = False
            text = f"watch suspended: {path.name} changes after every start; `watch {name}` resumes it"
            self._say("watch suspended", name, text)
            return
        self._say("changed", name, f"{path.name} has changed, restarting")
        burst.task = asyncio.create_task(self._restart(burst))

    async def _restart(self, burst: Burst) -> None:
        """The old code is told to stop at the first change; the new code starts when the burst is over."""
        await burst.running.restart(self._quiet(burst))
        burst.began = time.monotonic()

    async def _quiet(self, burst: Burst) -> None:
        latest = time.monotonic() + LONGEST_BURST
        while time.monotonic() < latest:
            burst.more.clear()
            try:
                await asyncio.wait_for(burst.more.wait(), QUIET)
            except TimeoutError:
                return


def rules_for(service: Service) -> Ignoring:
    assert service.path
    return Ignoring(service.path, service.monitor_excludes)


def outermost(folders: Sequence[Path]) -> list[Path]:
    """Without those that lie within another one, which is watched with all below it."""
    found = {folder.resolve() for folder in folders}
    return sorted(folder for folder in found if not found & set(folder.parents))
