"""Waits for an answer no longer than it says, even if the caller would."""

import asyncio
from typing import Any

from mu.adapters.adapter import Adapter, Deliver
from mu.errors import DeadlineExceeded, MuError
from mu.packet import due_in
from mu.transport import Client, Request


class Timeout(Adapter):
    """`timeout(client, seconds)`: a message that has no answer by then ends with `DeadlineExceeded`.

    The other side is told of the earlier deadline.
    """

    def __init__(self, client: Client, seconds: float) -> None:
        super().__init__([client])
        if not seconds > 0:
            raise ValueError(f"expected a number of seconds above 0, found {seconds!r}")
        self._seconds = seconds

    async def around(self, request: Request, deliver: Deliver) -> Any:
        deadline = asyncio.get_running_loop().time() + self._seconds
        if request.deadline <= deadline:
            return await deliver(self._parts[0], request)
        sooner = Request(due_in(self._seconds, request.packet), deadline)
        try:
            async with asyncio.timeout_at(deadline):
                return await deliver(self._parts[0], sooner)
        except MuError:
            raise
        except TimeoutError:
            raise DeadlineExceeded(
                f"expected an answer of {self._parts[0]} within {self._seconds:g} s, found none", sent=sooner.sent
            ) from None
        finally:
            request.sent = sooner.sent

    def __str__(self) -> str:
        return f"timeout {self._seconds:g} s"


timeout = Timeout
