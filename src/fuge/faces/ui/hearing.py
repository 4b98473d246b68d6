"""Hears what services say and what becomes of them, from the kept lines on: without a gap, and nothing twice."""

import asyncio
import contextlib
import heapq
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path

from fuge.engine.bus import read_events
from fuge.errors import FugeError
from fuge.faces.connection import Item
from fuge.faces.session import Session
from fuge.faces.ui.lines import KEPT, ROUNDED, Lines, key_of
from fuge.services import history
from fuge.services.threads import in_thread

PAUSE = 0.3  # seconds until it is looked for an engine again
Heard = Callable[[bool], object]


class Hearing:
    """Puts everything into `lines`, whichever engine runs the system at the moment.

    A line is kept in a file before it is told, so that one may be read there, and be told afterwards.
    """

    def __init__(self, session: Session, lines: Lines) -> None:
        self._session, self._lines = session, lines
        self._began = 0.0  # seconds since the epoch: what is said from then on may be told as well
        self._held: list[Item] | None = None  # what is told while the kept lines are being read
        self._read: Counter[str] = Counter()  # the keys of those that were read, and may be told yet
        self._catching_up: asyncio.Task[None] | None = None

    async def run(self, heard: Heard) -> None:
        """Never returns. `heard(is_event)` is called after each item, or several."""
        try:
            await self._catch_up(heard)  # without an engine there is an old log all the same
            while True:
                with contextlib.suppress(FugeError):
                    await self._follow(heard)
                heard(True)
                await asyncio.sleep(PAUSE)
        finally:
            if self._catching_up:
                self._catching_up.cancel()

    async def _follow(self, heard: Heard) -> None:
        def begun() -> None:
            self._held = []
            self._catching_up = asyncio.ensure_future(self._catch_up(heard))

        self._began = time.time() - ROUNDED
        async for item in self._session.connection.follow(begun):
            if self._held is None:
                self._hear(item)
            else:
                self._held.append(item)
            heard("event" in item)

    async def _catch_up(self, heard: Heard) -> None:
        kept = await in_thread(lambda: earlier(self._session.logs))
        self._lines.add_missing(kept)
        self._read = Counter(key_of(item) for item in kept if item["time"] >= self._began)
        held, self._held = self._held or [], None
        for item in held:
            self._hear(item)
        heard(True)

    def _hear(self, item: Item) -> None:
        key = key_of(item)
        if self._read[key] > 0:
            self._read[key] -= 1
        else:
            self._lines.add(item)


def earlier(logs: Path) -> list[Item]:
    """The last lines that were kept, of all services, with what has become of these: oldest first."""
    services = tuple(sorted(file.stem for file in logs.glob("*.log")))
    try:
        records = [asdict(record) for record in history.read(logs, history.Query(services, last=KEPT))]
        events = [event for event in read_events(logs) if event["text"]]
    except OSError:  # nobody may read them: what comes from now on is shown all the same
        return []
    return list(deque(heapq.merge(records, events, key=itemgetter("time")), maxlen=KEPT))
