"""Gives copies of messages to others, such as an audit, or a new version that is not trusted yet."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from mu.adapters.adapter import Adapter, Deliver
from mu.cancelling import cancelled
from mu.codec import decode, encode
from mu.errors import MuError
from mu.packet import result_of
from mu.transport import Client, Request

log = logging.getLogger("mu")


class Tee(Adapter):
    """`tee([client, other, ...])`: the first answers; the others get a copy each, and only the log tells if that fails.

    While `max_pending` copies are under way, no more are made. `close` waits up to `grace` seconds for them. What goes
    around a tee and sends a message twice, such as a retry, has it copied twice: put that inside.
    """

    def __init__(self, clients: Sequence[Client], *, max_pending: int = 1000, grace: float = 1.0) -> None:
        super().__init__(clients)
        if not self._parts:
            raise ValueError("expected at least one client, the one that answers, found none")
        self._max_pending, self._grace = max_pending, grace
        self._copies: set[asyncio.Task[None]] = set()

    @property
    def available(self) -> bool:
        return self._parts[0].available

    async def around(self, request: Request, deliver: Deliver) -> Any:
        first, *others = self._parts
        if others:
            body = encode(request.packet)  # now, since what it holds may change while the copies wait
        for other in others:
            self._copy(other, Request(decode(body), request.deadline), deliver)
        return await deliver(first, request)

    def _copy(self, client: Client, request: Request, deliver: Deliver) -> None:
        if len(self._copies) >= self._max_pending:
            log.warning("%s: no copy for %s, since %d are under way already", self, client, len(self._copies))
            return
        task = asyncio.create_task(self._deliver(client, request, deliver))
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    async def _deliver(self, client: Client, request: Request, deliver: Deliver) -> None:
        try:
            async with asyncio.timeout_at(request.deadline):
                answer = await deliver(client, request)
            if answer is not None:
                result_of(answer)
        except MuError as error:
            log.warning("%s: the copy for %s failed: %r", self, client, error)
        except TimeoutError:
            log.warning("%s: the copy for %s had no answer in time", self, client)
        except Exception as error:
            log.error("%s: the copy for %s failed: %r", self, client, error, exc_info=error)

    async def close(self) -> None:
        if self._copies:
            await asyncio.wait(self._copies, timeout=self._grace)
        if self._copies:
            log.warning("%s: closed before %d copies had an answer", self, len(self._copies))
            await cancelled(*self._copies)
        await super().close()

    def __str__(self) -> str:
        return f"tee of {len(self._parts)}"


tee = Tee
