"""What all tabs show, gathered once for them: the services and how they are, and the last lines of the log."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from fuge.errors import FugeError, NotRunningError
from fuge.faces.session import Session
from fuge.faces.ui import flows, overview
from fuge.faces.ui.hearing import Hearing
from fuge.faces.ui.lines import Lines
from fuge.faces.ui.usage import Usage
from fuge.services.threads import in_thread

BEAT = 1  # seconds between two looks when nothing is heard of
PATIENCE = 5  # seconds for the engine to answer
Row = Mapping[str, Any]


class Feed:
    """`system` says what runs, whether it does, and what flows in it; `rows` has the services by name, `lines` the log.

    It looks at the system when it hears of a change, and once a beat while somebody is there to see it, since some
    changes are not told. It outlives the engine: when that has ended the rows say so, until there is one again.
    """

    def __init__(self, session: Session) -> None:
        self.system: Row = {"running": False, "said": "", "file": str(session.file), "pid": None, "flows": []}
        self.rows: dict[str, Row] = {}
        self.lines = Lines()
        self._session = session
        self._usage = Usage()
        self._tabs = 0
        self._changed = asyncio.Event()
        self._stale = asyncio.Event()

    async def run(self) -> None:
        """Never returns."""
        hearing = asyncio.create_task(Hearing(self._session, self.lines).run(self._hear))
        try:
            while True:
                self._stale.clear()
                await self._look()
                self.tell()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT if self._tabs else None):
                        await self._stale.wait()
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """While somebody looks."""
        self._tabs += 1
        self._stale.set()
        try:
            yield
        finally:
            self._tabs -= 1

    @property
    def change(self) -> asyncio.Event:
        """Set at the next change; ask for it before you look."""
        return self._changed

    def tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _hear(self, is_event: bool) -> None:
        if is_event:
            self._stale.set()
        self.tell()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._session.call("overview")
        except NotRunningError as error:
            self._be_away(str(error))
            self.rows = overview.without_engine(self._session, self.rows)
        except FugeError as error:
            self._be_away(str(error))
        except TimeoutError:
            self._be_away(f"the fuge that runs it does not answer within {PATIENCE} s: `fuge ps` may tell more")
        else:
            loads = await in_thread(lambda: self._usage.measure(overview.pids(found["services"]), time.monotonic()))
            self.rows = overview.of(found["services"], loads)
            flowing = await in_thread(lambda: flows.recent(self._session, found["services"]))
            told = {"said": "", "file": found["file"], "pid": found["pid"], "flows": flowing}
            self.system = {"running": True, **told}

    def _be_away(self, said: str) -> None:
        self.system = {**self.system, "running": False, "said": said, "pid": None, "flows": []}
