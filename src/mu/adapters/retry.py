"""Tries again what failed, where that cannot do harm."""

import asyncio
import contextlib
import copy
import random
from typing import Any

from mu.adapters.adapter import Deliver, WholeAdapter
from mu.errors import MuError
from mu.transport import Client, Request


class Retry(WholeAdapter):
    """`retry(client)`: up to `attempts` in all, if nobody has run the message and trying again may help.

    Before the second it waits for about `delay` seconds, then twice as long each time, after what the error itself says
    to wait for; never past the deadline. `unsafe`: also what may have been handled. That is for handlers to which it is
    the same whether a message comes once or twice.
    """

    def __init__(self, client: Client, attempts: int = 3, delay: float = 0.05, unsafe: bool = False) -> None:
        super().__init__([client])
        if attempts < 1 or delay < 0:
            raise ValueError(f"expected 1 or more attempts and a delay of 0 s or more, found {attempts!r}, {delay!r}")
        self._attempts, self._delay, self._unsafe = attempts, delay, unsafe
        self._closed = asyncio.Event()

    async def around(self, request: Request, deliver: Deliver) -> Any:
        attempt, sent = 1, False
        while True:
            try:
                return await deliver(self._parts[0], request)
            except MuError as error:
                sent = request.sent = sent or error.sent
                if not self._may_help(error) or not await self._pause(attempt, error, request.deadline):
                    raise (error if error.sent == sent else as_sent(error)) from None
            attempt += 1

    def _may_help(self, error: MuError) -> bool:
        return error.temporary and (self._unsafe or not error.sent)

    async def _pause(self, attempt: int, error: MuError, deadline: float) -> bool:
        """Whether there is another attempt, which begins now."""
        if attempt == self._attempts:
            return False
        pause = self._delay * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # else all callers come back at once
        pause += error.retry_after or 0.0
        if asyncio.get_running_loop().time() + pause >= deadline:
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._closed.wait()
        return not self._closed.is_set()

    async def close(self) -> None:
        self._closed.set()
        await super().close()

    def __str__(self) -> str:
        return f"retry: {self._attempts} attempts"


def as_sent(error: MuError) -> MuError:
    """The error of the last attempt, when one before it may have been handled."""
    error = copy.copy(error)  # others may have got the very same
    error.sent = True
    return error


retry = Retry
