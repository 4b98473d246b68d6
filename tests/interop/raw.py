"""Peers that write whatever bytes the test wants."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

from mu.frames import FrameReader, varint

PATIENCE = 10.0  # seconds
LIMIT = 64 << 20


def request(pattern: Any, id: str = "raw-id", muid: str = "raw-muid", **protocol: Any) -> dict[str, Any]:
    """A request as a client of Node's mu writes it."""
    complete = {"path": [id, muid], "trace": [id, muid], "ttl": 10, "dst": "target", "src": muid, **protocol}
    return {"pattern": pattern, "protocol": complete}


def response(to: dict[str, Any], *, muid: str = "raw-muid", **content: Any) -> dict[str, Any]:
    """A response to that request as a server of Node's mu writes it; `content` has `err`, `response`."""
    protocol = to["protocol"]
    *path, dst = protocol["path"]
    back = {**protocol, "path": path, "trace": [*protocol["trace"], muid], "src": muid, "dst": dst}
    return {"err": None, **content, "protocol": back}


def framed(packet: Any) -> bytes:
    """The packet, or text or bytes in its place, with its length before it."""
    if not isinstance(packet, str | bytes):
        packet = json.dumps(packet)
    body = packet.encode() if isinstance(packet, str) else packet
    return varint(len(body)) + body


class Raw:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = FrameReader(LIMIT)
        self._bodies: list[bytes] = []

    @classmethod
    async def to(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, *packets: Any) -> None:
        """Packets, or bytes in their place: bodies of frames."""
        await self.send_bytes(b"".join(map(framed, packets)))

    async def send_bytes(self, data: bytes) -> None:
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def receive(self) -> dict[str, Any]:
        """The next packet. Raises EOFError when the connection ended."""
        async with asyncio.timeout(PATIENCE):
            while not self._bodies:
                data = await self._reader.read(1 << 16)
                if not data:
                    raise EOFError
                self._bodies += self._frames.feed(data)
        packet: dict[str, Any] = json.loads(self._bodies.pop(0))
        return packet

    async def ask(self, pattern: Any, **protocol: Any) -> dict[str, Any]:
        await self.send(request(pattern, **protocol))
        return await self.receive()

    async def closed(self) -> None:
        """Wait until the other side has closed it, without another packet."""
        try:
            unexpected = await self.receive()
        except (EOFError, ConnectionError):
            return
        raise AssertionError(f"expected the end of the connection, found {unexpected}")

    def half_close(self) -> None:
        self._writer.write_eof()

    def reset(self) -> None:
        """End it at once, by RST."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


@contextlib.asynccontextmanager
async def raw_server(serve: Callable[[Raw], Awaitable[None]]) -> AsyncIterator[int]:
    """Calls `serve` with each connection; gives its port. What `serve` raises, besides the connection's end, fails."""
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            async with Raw(reader, writer) as connection:
                await serve(connection)
        except (EOFError, ConnectionError, TimeoutError):
            pass
        except Exception as error:
            failures.append(error)

    server = await asyncio.start_server(accept, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
    assert failures == []
