"""The socket between fuge and a keeper: requests go out, each with two files, and messages come back."""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from typing import Any


class Channel:
    """fuge's end. A request is four bytes of length and JSON, a message is a line of JSON."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._sending = asyncio.Lock()

    async def send(self, request: Mapping[str, Any], files: tuple[int, int]) -> None:
        """Send it whole, even if whoever asks is cancelled, since half a request would spoil all that follow.

        Raises OSError if nobody reads any more.
        """
        copies = [os.dup(file) for file in files]  # whoever is cancelled closes the files
        await asyncio.shield(asyncio.create_task(self._send(json.dumps(request).encode(), copies)))

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """All that come, until the other end is closed."""
        loop, buffer = asyncio.get_running_loop(), b""
        with contextlib.suppress(ConnectionError):
            while data := await loop.sock_recv(self._socket, 65536):
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    yield json.loads(line)

    def end(self) -> None:
        """No request comes any more."""
        with contextlib.suppress(OSError):  # the keeper has just been killed
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    async def _send(self, payload: bytes, files: list[int]) -> None:
        data = struct.pack("!I", len(payload)) + payload
        try:
            async with self._sending:
                sent = 0
                while not sent:
                    try:
                        sent = socket.send_fds(self._socket, [data], files)
                    except BlockingIOError:
                        await self._writable()
                await asyncio.get_running_loop().sock_sendall(self._socket, data[sent:])
        finally:
            for file in files:
                os.close(file)

    async def _writable(self) -> None:
        free = asyncio.Event()
        loop, file = asyncio.get_running_loop(), self._socket.fileno()
        loop.add_writer(file, free.set)
        try:
            await free.wait()
        finally:
            loop.remove_writer(file)
