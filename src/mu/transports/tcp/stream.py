"""One TCP connection with packets on it, in both directions: what client and server have in common."""

import asyncio
import logging
import socket
import uuid
from abc import abstractmethod
from typing import Any, cast

from mu.codec import decode
from mu.errors import MuError
from mu.frames import LONGEST_HEADER, FrameReader
from mu.packet import is_request
from mu.transport import Packet

log = logging.getLogger("mu.tcp")
MOST_WAITING = 65_536  # bytes that wait for the end of a turn; they are not yet known to those who watch for `full`
FIRST_BATCH = 4  # frames
QUICK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class Stream(asyncio.Protocol):
    """Its `muid` is its name in the packets: a new one for each connection, as Node's mu needs it."""

    transport: asyncio.Transport

    def __init__(self, max_frame: int) -> None:
        self.muid = str(uuid.uuid4())
        self.max_frame = max_frame
        self.loop = asyncio.get_running_loop()
        self._reader = FrameReader(max_frame)
        self._out: list[bytes] = []
        self._waiting = 0
        self._batch = 0  # frames after which those of this turn leave; 0 before the first
        self._full = self.ended = False
        self._room: list[asyncio.Future[None]] = []

    @abstractmethod
    def on_request(self, packet: Packet) -> None: ...

    @abstractmethod
    def on_response(self, packet: Packet) -> None: ...

    @abstractmethod
    def on_end(self, reason: str) -> None: ...

    # Reading ------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if len(data) <= LONGEST_HEADER:
            self._acknowledge()
        try:
            for body in self._reader.feed(data):
                packet = decode(body)
                if is_request(packet):
                    self.on_request(packet)
                else:
                    self.on_response(packet)
        except MuError as error:
            log.warning("%s: closing, after bad input: %s", self.peer(), error)
            self.end(str(error))

    def _acknowledge(self) -> None:
        """Tell the other side at once that this has come: Node writes a length by itself, and what follows only then.

        The system would take 40 ms for it, since it hopes for an answer to put it into.
        """
        if QUICK is not None:
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, QUICK, 1)

    # Writing ------------------------------------------------------------------------------------------------------

    def write(self, frame: bytes) -> None:
        """Frames of one turn of the event loop leave in few system calls, one for each would cost more than all else.

        The first few leave early, so that the other side begins while this one is still at work; then ever more.
        """
        out = self._out
        if not out and not self._batch:
            self.loop.call_soon(self._end_turn)
            self._batch = FIRST_BATCH
        out.append(frame)
        self._waiting += len(frame)
        if len(out) >= self._batch or self._waiting > MOST_WAITING:
            self._batch *= 2
            self.flush()

    def _end_turn(self) -> None:
        self._batch = 0
        self.flush()

    def flush(self) -> None:
        if self._out and not self.ended:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out.clear()
            self._waiting = 0
            self.transport.write(data)

    @property
    def full(self) -> bool:
        """Whether the other side reads more slowly than this one writes, so that it should stop."""
        return self._full

    async def room(self) -> None:
        """Wait until the other side has read what was written, more or less. Returns at once if the connection ends."""
        while self._full:
            future = self.loop.create_future()
            self._room.append(future)
            await future

    def pause_writing(self) -> None:
        self._full = not self.ended

    def resume_writing(self) -> None:
        self._full = False
        waiting, self._room = self._room, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # Life ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only

    def connection_lost(self, error: Exception | None) -> None:
        self._ended(str(error) if error else "the other side closed it")

    def end(self, reason: str) -> None:
        """Close at once; what was written before still leaves, if the other side reads it."""
        self.flush()
        self._ended(reason)
        self.transport.close()

    def _ended(self, reason: str) -> None:
        if not self.ended:
            self.ended = True
            self.on_end(reason)
            self.resume_writing()

    @property
    def unread(self) -> int:
        """Bytes that wait for the other side to read."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        self.transport.abort()

    def peer(self) -> str:
        address: Any = self.transport.get_extra_info("peername")
        return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address or "a peer that has gone")
