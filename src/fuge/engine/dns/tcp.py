"""The TCP half of the server: several questions in a connection, each after two octets with its length."""

import asyncio
import contextlib
from collections.abc import Callable

MOST_CONNECTIONS = 100
IDLE = 10.0  # seconds without a whole question, after which a connection is closed


class Tcp:
    """Answers on connections. At the bound of their number further ones are closed at once."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        """Raises OSError if the address is taken."""
        self._server = await asyncio.start_server(self._connected, host, port)

    async def close(self) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MOST_CONNECTIONS:
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
                while True:
                    async with asyncio.timeout(IDLE):
                        await self._serve_one(reader, writer)
        finally:
            writer.transport.abort()  # what was answered is sent; who does not read is not waited for

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        reply = self._answer(await reader.readexactly(length))
        if reply is not None:
            writer.write(len(reply).to_bytes(2, "big") + reply)
            await writer.drain()
