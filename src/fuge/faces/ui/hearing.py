"""Hears what services say and what becomes of them, from the kept lines on: without a gap, and nothing twice."""

import asyncio
import contextlib
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path

from fuge.engine.bus import read_events
from fuge.errors import FugeError
from fuge.faces.connection import Item
from fuge.faces.session import Session
from fuge.faces.ui.lines import KEPT, Lines
from fuge.services import history
from fuge.services.threads import in_thread

PAUSE = 0.3  # seconds until it is looked for an engine again
Heard = Callable[[bool], object]


class Hearing:
    """Puts everything into `lines`, whichever engine runs the system at the moment."""

    def __init__(self, session: Session, lines: Lines) -> None:
        self._session, self._lines = session, lines
        self._held: list[Item] | None = None  # what comes while the kept lines are being read
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

        async for item in self._session.connection.follow(begun):
            if self._held is None:
                self._lines.add(item)
            else:
                self._held.append(item)
            heard("event" in item)

    async def _catch_up(self, heard: Heard) -> None:
        kept = await in_thread(lambda: earlier(self._session.logs))
        since = self._lines.newest
        self._lines.add_missing(kept, since)
        self._lines.add_missing(self._held or [], since)
        self._held = None
        heard(True)


def earlier(logs: Path) -> list[Item]:
    """The last lines that were kept, of all services, with what has become of these: oldest first."""
    services = tuple(sorted(file.stem for file in logs.glob("*.log")))
    try:
        records = [asdict(record) for record in history.read(logs, history.Query(services, last=KEPT))]
        events = [event for event in read_events(logs) if event["text"]]
    except OSError:  # nobody may read them: what comes from now on is shown all the same
        return []
    return list(deque(heapq.merge(records, events, key=itemgetter("time")), maxlen=KEPT))
