"""A TCP proxy that cuts the stream anew, so that a reader gets it in the pieces that the test chose."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable

QUICK: int | None = getattr(socket, "TCP_QUICKACK", None)  # without, the system waits 40 ms before it tells Node
Cut = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    return [data]


def pieces_of(size: int) -> Cut:
    return lambda data: (data[at : at + size] for at in range(0, len(data), size))


@contextlib.asynccontextmanager
async def proxy(port: int, *, there: Cut = whole, back: Cut = whole, pause: float = 0) -> AsyncIterator[int]:
    """Leads to the port; gives the port to connect to. `there` and `back` cut what was read in each direction.

    `pause`: seconds after each piece, for a reader in another process; one in this process reads each in its turn.
    """
    tasks: set[asyncio.Task[None] | None] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        onward, upward = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(pump(reader, writer, upward, there, pause), pump(onward, upward, writer, back, pause))
        finally:
            writer.close()
            upward.close()

    server = await asyncio.start_server(accept, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        running = [task for task in tasks if task]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


async def pump(
    reader: asyncio.StreamReader, source: asyncio.StreamWriter, target: asyncio.StreamWriter, cut: Cut, pause: float
) -> None:
    """Until the end of the stream, which it hands on."""
    connection = source.get_extra_info("socket")
    try:
        while data := await reader.read(1 << 16):
            if QUICK is not None:
                connection.setsockopt(socket.IPPROTO_TCP, QUICK, 1)
            for piece in cut(data):
                target.write(piece)
                await target.drain()
                for _ in range(2):  # turns of the event loop: one in which it can be read, one in which it is
                    await asyncio.sleep(pause)
        target.write_eof()
    except OSError:
        target.transport.abort()
