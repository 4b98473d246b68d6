"""The UDP half of the server: as many questions as have come are answered in one turn of the event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

A_TURN = 64  # questions, before others in the event loop have theirs
LARGEST = 65535


class Udp:
    """Answers datagrams from when it is made until it is closed. Raises OSError if the address is taken."""

    def __init__(self, host: str, port: int, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        with contextlib.suppress(OSError):  # nothing more to read, or to an address that nobody can write to
            for _ in range(A_TURN):
                query, address = self._socket.recvfrom(LARGEST)
                if (reply := self._answer(query)) is not None:
                    self._socket.sendto(reply, address)
