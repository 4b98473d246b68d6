"""Hears of changed files, by a thread that waits for what the system tells of folders."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from watchfiles import Change, watch

from fuge.services.threads import in_loop

STEP = 5  # milliseconds in which changes are gathered before we hear of them
BEGIN = 5  # seconds that `begun` waits at most; to look at many folders takes its time
Paths = Sequence[Path]


class Changes:
    """Calls `heard(edited, others)` in the event loop when something has changed in the folders that are watched.

    `edited` are files that were there before and are there still; `others` have come, or gone, or both.
    `complain` gets a text when the system cannot tell of changes, so that they are looked for instead.
    """

    def __init__(
        self, heard: Callable[[Paths, Paths], None], complain: Callable[[str], None], polling: bool = False
    ) -> None:
        self._heard, self._complain = heard, complain
        self._polling = polling or None  # None: as the environment (WATCHFILES_FORCE_POLLING) has it
        self._folders: list[Path] = []
        self._stops: list[Stop] = []  # of each thread; there is more than one while a new one begins
        self._begun = asyncio.Event()
        self._begun.set()  # nothing is watched, and nothing missed

    def watch(self, folders: list[Path]) -> None:
        """Watch these folders, with all below them, and no others. The old ones are watched until that has begun."""
        if folders == self._folders:
            return
        loop = asyncio.get_running_loop()
        self._folders = folders
        self._begun.clear()
        stop = Stop(lambda: in_loop(loop, self._has_begun, stop))
        self._stops.append(stop)
        if folders:
            arguments = (folders, stop, loop)
            threading.Thread(target=self._watch, args=arguments, daemon=True, name="watcher").start()
        else:
            self._has_begun(stop)

    async def begun(self) -> None:
        """Return when no change is missed any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEGIN):
                await self._begun.wait()

    def close(self) -> None:
        for stop in self._stops:
            stop.set()

    def _has_begun(self, stop: "Stop") -> None:
        if stop in self._stops:  # else a newer one was quicker
            older = self._stops.index(stop)
            for other in self._stops[:older]:
                other.set()
            del self._stops[:older]
            if self._stops == [stop]:
                self._begun.set()

    # In the thread ----------------------------------------------------------------------------------------------

    def _watch(self, folders: list[Path], stop: "Stop", loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._pass_on(folders, stop, loop, self._polling)
        except OSError as error:  # such as too many folders for the system's limit
            text = f"cannot watch the folders of services ({error}): they are looked at several times a second instead"
            in_loop(loop, self._complain, text)
            self._pass_on(folders, stop, loop, polling=True)

    def _pass_on(
        self, folders: list[Path], stop: "Stop", loop: asyncio.AbstractEventLoop, polling: bool | None
    ) -> None:
        changes_in = partial(watch, *folders, watch_filter=None, step=STEP, debounce=STEP, force_polling=polling)
        for changes in changes_in(stop_event=stop, rust_timeout=1000, raise_interrupt=False):
            others = {path for change, path in changes if change != Change.modified}
            edited = {path for _, path in changes} - others
            if not in_loop(loop, self._heard, *(list(map(Path, sorted(paths))) for paths in (edited, others))):
                return


class Stop(threading.Event):
    """Ends a watching. Whoever watches looks at it again and again; `begun` is called at the first look."""

    def __init__(self, begun: Callable[[], object]) -> None:
        super().__init__()
        self._begun: Callable[[], object] | None = begun

    def is_set(self) -> bool:
        if self._begun:
            begun, self._begun = self._begun, None
            begun()
        return super().is_set()
