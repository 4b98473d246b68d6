"""Spares an end that fails, and those who would wait for it: a circuit breaker."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from mu.adapters.adapter import Adapter, Deliver
from mu.adapters.verdict import overdue, works_after
from mu.errors import CircuitOpen
from mu.transport import Client, Request

log = logging.getLogger("mu")
STATES = ("closed", "half open", "open")


class Breaker(Adapter):
    """`breaker(client)`: after `failures` in a row it is open, and refuses each message with `CircuitOpen` at once.

    After `reset` seconds it is half open: one message is let through. If that fails too, it stays open as long again;
    if not, it is closed. Failures are those of the end and of the way to it, and deadlines that pass; not an error of
    the handler, nor a message that fits no pattern there. `clock` gives seconds.
    """

    def __init__(
        self,
        client: Client,
        failures: int = 5,
        reset: float = 10.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__([client])
        if failures < 1 or not reset > 0:
            raise ValueError(f"expected 1 or more failures and a reset above 0 s, found {failures!r} and {reset!r}")
        self._failures, self._reset, self._clock = failures, reset, clock
        self._failed = 0  # in a row
        self._opened: float | None = None
        self._trial = False
        self._period = 0  # counts how often it has opened: what began before says nothing of the time after

    @property
    def state(self) -> str:
        """closed, open or half open."""
        if self._opened is None:
            return "closed"
        return "half open" if self._rest <= 0 else "open"

    @property
    def available(self) -> bool:
        return self.state != "open" and not self._trial and super().available

    async def around(self, request: Request, deliver: Deliver) -> Any:
        period = self._enter()
        works: bool | None = None
        try:
            answer = await deliver(self._parts[0], request)
            works = True
            return answer
        except asyncio.CancelledError:
            works = False if overdue(request) else None
            raise
        except Exception as error:
            works = works_after(error)
            raise
        finally:
            if period == self._period:
                self._leave(works)

    @property
    def _rest(self) -> float:
        """Seconds until a trial."""
        opened = self._opened  # read once: metrics ask in another thread
        return 0.0 if opened is None else opened + self._reset - self._clock()

    def _enter(self) -> int:
        if self.state == "open":
            raise CircuitOpen(
                f"{self._failed} messages in a row failed at {self._parts[0]}: the next try is in {self._rest:.1f} s",
                retry_after=self._rest,
            )
        if self._trial:
            raise CircuitOpen(f"{self._parts[0]} has failed, and one message is trying it again", retry_after=0.0)
        self._trial = self._opened is not None
        return self._period

    def _leave(self, works: bool | None) -> None:
        trial, self._trial = self._trial, False
        if works:
            self._failed, self._opened = 0, None
        elif works is False:
            self._failed += 1
            if trial or self._failed >= self._failures:
                self._opened = self._clock()
                self._period += 1
                log.warning("%s failed %d times in a row: %s for %g s", self._parts[0], self._failed, self, self._reset)

    def stats(self) -> dict[str, float]:
        """Its state: 0 closed, 1 half open, 2 open."""
        return {"breaker": STATES.index(self.state)}

    @property
    def _name(self) -> str:
        return "breaker"

    def __str__(self) -> str:
        return f"breaker: {self.state}"


breaker = Breaker
