"""The end of a queue that asks: who waits for which answer."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mu.codec import decode
from mu.errors import Closed, ConnectionLost, MuError
from mu.packet import Key, key_of
from mu.transport import Packet, Request


class Answers:
    """Requests by the path that their answers will have."""

    def __init__(self) -> None:
        self._pending: dict[Key, asyncio.Future[Packet]] = {}

    @contextmanager
    def expect(self, request: Request) -> Iterator[asyncio.Future[Packet]]:
        """The answer to be; whoever stops waiting for it is forgotten. Raises ConnectionLost for a path in use."""
        key = key_of(request.packet)
        if key in self._pending:
            raise ConnectionLost("a message with the same path waits for its answer already", sent=False)
        answer = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            yield answer
        finally:
            del self._pending[key]
            answer.cancel()

    def arrived(self, body: bytes) -> None:
        """One that nobody waits for, or that is none, is dropped."""
        try:
            packet = decode(body)
        except MuError:
            return
        answer = self._pending.get(way_back(packet))
        if answer is not None and not answer.done():
            answer.set_result(packet)

    def close(self, where: str) -> None:
        self._end(Closed, f"the transport to {where} was closed before the answer")

    def lost(self, where: str) -> None:
        """For a connection with which the way back has ended."""
        self._end(ConnectionLost, f"{where} was lost before the answer")

    def _end(self, kind: type[MuError], why: str) -> None:
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(kind(why, sent=True))


def way_back(packet: Any) -> Key:
    """Empty for what is no answer."""
    if not isinstance(packet, dict) or not ("response" in packet or "err" in packet):
        return ()
    protocol = packet.get("protocol")
    path = protocol.get("path") if isinstance(protocol, dict) else None
    return tuple(path) if isinstance(path, list) and all(isinstance(name, str) for name in path) else ()
