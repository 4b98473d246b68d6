"""What is opened when it is first needed: all who need it meanwhile wait for the same attempt."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeVar

from mu.cancelling import cancelled
from mu.errors import Closed, ConnectFailed, MuError
from mu.transports.pauses import LONGEST_PAUSE, pause_after

T = TypeVar("T")


class Opening(Generic[T]):
    """After a failed attempt the next is made after a pause, which grows; what is asked before that fails at once.

    `longest`: seconds of such a pause, at most.
    """

    def __init__(self, where: str, open: Callable[[], Awaitable[T]], longest: float = LONGEST_PAUSE) -> None:
        self._where, self._open, self._longest = where, open, longest
        self._attempt: asyncio.Task[T] | None = None
        self._failures, self._not_before, self._failure = 0, 0.0, ""
        self._closed = False

    @property
    def resting(self) -> float:
        """Seconds until the next attempt makes sense."""
        return self._not_before - asyncio.get_running_loop().time() if self._failures else 0.0

    @property
    def available(self) -> bool:
        return not self._closed and self.resting <= 0

    async def opened(self) -> T:
        """The result of an attempt. Raises what it raised, ConnectFailed during the pause after it, and Closed."""
        if self._closed:
            raise Closed(f"the transport to {self._where} is closed")
        if (rest := self.resting) > 0:
            raise ConnectFailed(f"{self._failure}; the next attempt is in {rest:.2f} s", retry_after=rest)
        if self._attempt is None:
            self._attempt = asyncio.get_running_loop().create_task(self._try(), context=Context())
            self._attempt.add_done_callback(self._attempted)
        try:
            return await asyncio.shield(self._attempt)
        except MuError as failure:  # one for each who waited
            raise type(failure)(failure.message, sent=False, retry_after=failure.retry_after) from None
        except asyncio.CancelledError:
            if self._closed:
                raise Closed(f"the transport to {self._where} was closed") from None
            raise

    async def _try(self) -> T:
        try:
            result = await self._open()
        except MuError as failure:
            self._failures += 1
            failure.retry_after = pause_after(self._failures, self._longest)
            self._failure = failure.message
            self._not_before = asyncio.get_running_loop().time() + failure.retry_after
            raise
        self._failures = 0
        return result

    def _attempted(self, attempt: "asyncio.Task[T]") -> None:
        self._attempt = None
        if not attempt.cancelled():
            attempt.exception()  # whoever waits gets it; nobody may

    async def close(self) -> None:
        self._closed = True
        await cancelled(self._attempt)
