"""One instance of a service: its state, what can be asked of it, and who waits for it."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fuge.engine.life import Life
from fuge.engine.states import (
    ACTIVE,
    HOPELESS,
    NOT_MANAGED,
    REACHED,
    RESTARTING,
    RUNNING,
    SETTLED,
    STOPPED,
    STOPPING,
    UNSETTLED,
    WAITING,
)
from fuge.plan.system import Service
from fuge.services.launcher import Program

if TYPE_CHECKING:
    from fuge.engine.bus import Bus
    from fuge.engine.starting import Starter

RECENT = 5  # lines kept for `why`


class Running:
    """An instance of a service, whether it runs or not. `state` is one of the words of states.py, `reason` explains it.

    `other` gives the instance of a name, `changed` is called at each change of the state. One with a `fixed_state`
    has that for ever. Its `life` is the last one: that which goes on, or has ended, or has not begun yet.
    """

    def __init__(
        self,
        service: Service,
        bus: "Bus",
        starter: "Starter",
        other: Callable[[str], "Running"],
        changed: Callable[[], object],
        fixed_state: str = "",
    ) -> None:
        self.service = service
        self.state = fixed_state or STOPPED
        self.reason = service.problem
        self.watch = service.monitor
        self.tail = service.tail
        self.ready_since: float | None = None  # time.monotonic()
        self.recent: deque[str] = deque(maxlen=RECENT)
        self.debug: tuple[str, ...] | None = None  # the command line that replaces `run` while debugging
        self.other = other
        self._fixed = fixed_state
        self._bus, self._starter, self._tell = bus, starter, changed
        self._changed = asyncio.Event()
        self._lock = asyncio.Lock()
        self._is_leaving = False
        self.life = Life(self, starter)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def ready(self) -> bool:
        return self.state in (RUNNING, NOT_MANAGED)

    @property
    def startable(self) -> bool:
        return not self._fixed

    def program(self) -> Program:
        """What is started for it; a container has only its folder and environment, for commands about it."""
        return self._starter.program(self.service, self.debug)

    # Verbs ----------------------------------------------------------------------------------------------------

    async def start(self, alone: bool = False) -> None:
        """Begin a life, if none goes on; `settled` tells how that went. `alone`: without waiting for others."""
        async with self._lock:
            self._begin(alone)

    async def stop(self) -> None:
        """End its life, and return when nothing of it runs any more."""
        async with self._lock:
            await self._end(STOPPED)
            self.debug = None

    async def restart(self, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        """Stop, start when `pause` is over too: in one piece, so that a stop asked for meanwhile comes after it.

        It had once what it needs, so it waits for others that are on their way, and starts without the rest.
        """
        async with self._lock:
            pausing = asyncio.ensure_future(pause()) if pause else None
            await self._end(RESTARTING)
            if pausing:
                await pausing
            self._begin(again=True)

    def leave(self) -> None:
        """After the next stop it does not start again, whoever still holds it."""
        self._is_leaving = True

    def kill(self) -> None:
        """Make a stop that is under way, or comes next, end at once."""
        self.life.kill()

    def _begin(self, alone: bool = False, again: bool = False) -> None:
        if self._fixed or self._is_leaving or self.life.goes_on:
            return
        self.life = Life(self, self._starter)
        self.become(WAITING)
        self.life.begin(alone, again)

    async def _end(self, state: str) -> None:
        had_process = self.life.process is not None
        await self.life.give_up()
        if had_process:
            self.become(STOPPING if state == STOPPED else state)
            self.say("stopping", "stopping")
            await self.life.stop_process()
        if not self._fixed:
            was_active = self.active
            self.become(state)
            if was_active and state == STOPPED:
                self.say("stopped", "stopped")

    # For those who wait ---------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Return when it is ready or has finished. Raises NotReadyError, or NoEngineError, when that does not come."""
        while self.state not in SETTLED:
            if self.state in UNSETTLED:
                raise self.life.failure(f"{self.service.name}: {self.reason or self.state}")
            await self._changed.wait()

    async def reaches(self, condition: str) -> None:
        """Return when it is "started", "ready" or "completed". Raises NotReadyError, or NoEngineError, if not."""
        while self.state not in REACHED[condition]:
            if self.state in HOPELESS[condition]:
                why = f": {self.reason.splitlines()[0]}" if self.reason else ""
                raise self.life.failure(f"it needs {self.service.name}, which is {self.state}{why}")
            await self._changed.wait()

    async def ended(self) -> int:
        """Wait until it does not run any more. Returns its exit code, or 1 if it never ran."""
        while self.active:
            await self._changed.wait()
        return 1 if self.life.exit_code is None else self.life.exit_code

    # What its life tells --------------------------------------------------------------------------------------

    def become(self, state: str, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self.ready_since = time.monotonic() if state == RUNNING else None
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self._tell()

    def say(self, event: str, text: str, **details: Any) -> None:
        self._bus.event(event, self.service.name, text, **details)

    def hear(self, stream: str, pid: int, lines: list[str]) -> None:
        self.recent.extend(lines)
        self._bus.records(self.service.name, stream, pid, lines)
