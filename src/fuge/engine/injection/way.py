"""One connection from a caller to a service, with the fault that is on the way."""

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuge.engine.injection.proxy import Proxy

PIECE = 65_536  # bytes
MOST_LATE = 64  # pieces that are on their way: a caller that says more has to wait


class Broken(ConnectionError):
    """By the fault, on purpose."""


class Way:
    """Carries what both sides say, until both have ended or one has gone. What is set at the proxy holds at once."""

    def __init__(self, proxy: "Proxy", caller: "Side", service: "Side") -> None:
        self._proxy, self._caller, self._service = proxy, caller, service
        self._late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MOST_LATE)  # when it is to arrive, and what

    async def carry(self) -> None:
        """Raises ConnectionError when one side has gone, or the fault says so."""
        parts = [asyncio.create_task(each) for each in (self._hear(), self._tell(), self._answer())]
        try:
            await asyncio.gather(*parts)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.wait(parts)

    async def _hear(self) -> None:
        clock, piece = asyncio.get_running_loop().time, b"..."
        while piece:
            piece = await self._caller.reader.read(PIECE)
            if piece and random.random() < self._proxy.drop:
                raise Broken
            await self._late.put((clock() + self._proxy.latency, piece))

    async def _tell(self) -> None:
        clock, piece = asyncio.get_running_loop().time, b"..."
        while piece:
            due, piece = await self._late.get()
            await asyncio.sleep(due - clock())
            await self._pass(piece, self._service)

    async def _answer(self) -> None:
        piece = b"..."
        while piece:
            piece = await self._service.reader.read(PIECE)
            await self._pass(piece, self._caller)

    async def _pass(self, piece: bytes, side: "Side") -> None:
        await self._proxy.flows.wait()
        if piece:
            side.writer.write(piece)
            await side.writer.drain()
        elif side.writer.can_write_eof():
            with contextlib.suppress(OSError):  # it has gone by itself
                side.writer.write_eof()


class Side:
    """One end of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def close(self, broken: bool) -> None:
        """`broken`: with a reset, as of a machine that has gone; else what was said still arrives."""
        if broken:
            self.writer.transport.abort()
        else:
            self.writer.close()
