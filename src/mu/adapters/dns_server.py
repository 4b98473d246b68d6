"""Lets messages in at the address that DNS tells."""

import asyncio
import logging
from collections.abc import Callable

from concordant import ConcordantError
from mu.adapters.dns_lookup import find
from mu.cancelling import cancelled
from mu.errors import TransportError
from mu.transport import Receive, Server

log = logging.getLogger("mu.dns")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds between two attempts


class DnsServer(Server):
    """Opens as soon as DNS knows the name. What DNS does not know at the start is looked for in the background."""

    def __init__(self, name: str, port: int | None, make: Callable[..., Server]) -> None:
        self._name, self._port, self._make = name, port, make
        self._server: Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, receive: Receive) -> None:
        """Raises TransportError if the address is known but cannot be used."""
        try:
            await self._open(receive)
        except (ConcordantError, OSError) as error:
            log.warning("nothing is let in by %s yet: %s", self._name, error)
            self._task = asyncio.create_task(self._open_later(receive, str(error)))

    async def _open(self, receive: Receive) -> None:
        endpoint, *_ = await find(self._name, self._port)
        server = self._make(host=endpoint.host, port=endpoint.port)
        await server.start(receive)
        self._server = server

    async def _open_later(self, receive: Receive, told: str) -> None:
        pause = FIRST_PAUSE
        while self._server is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                await self._open(receive)
            except (ConcordantError, OSError, TransportError) as error:
                if str(error) != told:
                    told = str(error)
                    log.warning("nothing is let in by %s yet: %s", self._name, told)
        log.info("%s is found: %s", self._name, self._server)

    async def close(self, grace: float) -> None:
        await cancelled(self._task)
        if self._server:
            await self._server.close(grace)

    def __str__(self) -> str:
        return str(self._server or f"dns: {self._name}")
