"""The end of TCP connections that this process opens."""

import asyncio
import itertools
import ssl as tls
from collections.abc import Coroutine
from typing import Any

from mu.codec import encode
from mu.errors import ConnectFailed, ConnectionLost, MuError
from mu.frames import frame
from mu.packet import Key, forward, key_of
from mu.transport import Batch, Client, Packet, Part, Request
from mu.transports.addresses import not_connected, port_number
from mu.transports.opening import Opening
from mu.transports.tcp.greetings import GOODBYE, HELLO, WELCOME
from mu.transports.tcp.stream import Stream

LONGEST_PAUSE = 1.0  # seconds between two attempts to connect


class ClientStream(Stream):
    """A connection to a server. `pending`: the requests that wait for an answer on it."""

    def __init__(self, max_frame: int, where: str) -> None:
        super().__init__(max_frame)
        self._where = where
        self._welcome = False  # to a server that is Python's mu
        self.usable = True  # for new requests
        self.pending: dict[Key, asyncio.Future[Packet] | Part] = {}

    async def ask(self, request: Request) -> Packet:
        if self.full:
            await self.room()
        answer: asyncio.Future[Packet] = self.loop.create_future()
        key = self._send(request.packet, answer)
        request.sent = True
        try:
            return await answer
        finally:
            self._forget(key)

    async def tell(self, batch: Batch) -> None:
        if not self.usable:
            raise self._gone()
        ending: asyncio.Future[None] = self.loop.create_future()
        keys = []
        try:
            for number, packet in list(batch.left.items()):
                if self.full:
                    await self.room()
                try:
                    keys.append(self._send(packet, Part(batch, number, ending)))
                except MuError as error:
                    batch.end(number, error)
            batch.sent = True
            if batch.left:
                await ending
        finally:
            ending.cancel()
            self._forget(*keys)

    def _send(self, packet: Packet, answer: "asyncio.Future[Packet] | Part") -> Key:
        """Returns under what the answer is awaited. Raises a MuError, and then has sent nothing."""
        addressed = forward(packet, self.muid, brief=self._welcome)
        if not self._welcome:
            addressed["protocol"][HELLO] = self.muid
        body = frame(encode(addressed), self.max_frame)
        if not self.usable:
            raise self._gone()
        key = key_of(packet)
        if key in self.pending:
            raise ConnectionLost(f"a message with the same path waits for {self._where} already", sent=False)
        self.pending[key] = answer
        self.write(body)
        return key

    def _gone(self) -> ConnectionLost:
        return ConnectionLost(f"the connection to {self._where} ended", sent=False)

    def _forget(self, *keys: Key) -> None:
        for key in keys:
            self.pending.pop(key, None)
        if not self.usable and not self.pending:
            self.end("no longer used")

    def on_response(self, packet: Packet) -> None:
        """An answer that nobody waits for, such as one that comes after the deadline, is dropped."""
        protocol = packet["protocol"]
        if GOODBYE in protocol and "response" not in packet:
            return self.retire()
        path = protocol.get("path")
        try:
            answer = self.pending.get(tuple(path)) if type(path) is list else None
        except TypeError:  # something other than names in the path
            answer = None
        if not self._welcome and protocol.get(WELCOME) == self.muid:
            self._welcome = True
        if answer is not None and not answer.done() and ("response" in packet or "err" in packet):
            answer.set_result(packet)
        return None

    def on_request(self, packet: Packet) -> None:
        """A server does not ask."""

    def retire(self) -> None:
        """Take no new requests; end when the last answer is there."""
        self.usable = False
        if not self.pending:
            self.end("no longer used")

    def on_end(self, reason: str) -> None:
        self.usable = False
        for answer in self.pending.values():
            if not answer.done():
                answer.set_exception(ConnectionLost(f"{self._where} closed before the answer: {reason}"))


class Line:
    """A connection that is made when it is needed: all who need it meanwhile wait for the same attempt."""

    def __init__(self, client: "TcpClient") -> None:
        self._client = client
        self._stream: ClientStream | None = None
        self._retired: set[ClientStream] = set()
        self._opening = Opening(str(client), self._connect, LONGEST_PAUSE)

    @property
    def resting(self) -> float:
        """Seconds until the next attempt to connect makes sense."""
        return self._opening.resting

    def ask(self, request: Request) -> Coroutine[Any, Any, Packet]:
        stream = self._stream
        return stream.ask(request) if stream is not None and stream.usable else self._connect_and_ask(request)

    async def tell(self, batch: Batch) -> None:
        stream = self._stream
        if stream is None or not stream.usable:
            stream = await self._opening.opened()
        await stream.tell(batch)

    async def _connect_and_ask(self, request: Request) -> Packet:
        stream = await self._opening.opened()
        return await stream.ask(request)

    async def _connect(self) -> ClientStream:
        client, loop = self._client, asyncio.get_running_loop()
        if self._stream is not None:
            self._retired = {each for each in [*self._retired, self._stream] if each.pending}
        try:
            async with asyncio.timeout(client.connect_timeout):
                _, self._stream = await loop.create_connection(
                    lambda: ClientStream(client.max_frame, str(client)),
                    *(client.host, client.port),
                    ssl=client.ssl,
                    server_hostname=client.server_hostname,
                )
        except OSError as error:
            reason = reason_of(error, client.connect_timeout)
            raise ConnectFailed(f"cannot connect to {client}: {reason}") from None
        return self._stream

    async def close(self) -> None:
        await self._opening.close()
        for stream in [*self._retired, *([self._stream] if self._stream else [])]:
            stream.end("this process shut down")


class TcpClient(Client):
    """Sends to host and port, over one connection, made when it is first needed and again when it was lost.

    `pool`: so many connections, in turn. `node_safe`: one request at a time on each connection of the pool, for a
    server that runs Node's mu, which can die of two at once. `ssl`: an SSLContext for TLS, True for the usual one.
    `connect_timeout` in seconds. `max_frame`: bytes of the largest packet. After an attempt to connect that failed, the
    next is made after 0.05 s, then after twice that and so on up to 1 s; what is asked between them fails at once.
    """

    def __init__(
        self,
        *,
        port: int | str,
        host: str = "127.0.0.1",
        ssl: tls.SSLContext | bool | None = None,
        server_hostname: str | None = None,
        max_frame: int = 16 << 20,
        pool: int = 1,
        node_safe: bool = False,
        connect_timeout: float = 5.0,
    ) -> None:
        if pool < 1:
            raise ValueError(f"expected a pool of at least one connection, found {pool!r}")
        self.port, self.host, self.max_frame, self.connect_timeout = port_number(port), host, max_frame, connect_timeout
        self.ssl, self.server_hostname = ssl or None, server_hostname
        self.closed = False
        self._lines = [Line(self) for _ in range(pool)]
        self._turn = itertools.cycle(self._lines)
        self._idle: asyncio.Queue[Line] | None = asyncio.LifoQueue() if node_safe else None
        if self._idle is not None:
            for line in self._lines:
                self._idle.put_nowait(line)

    def request(self, request: Request) -> Coroutine[Any, Any, Packet]:
        return next(self._turn).ask(request) if self._idle is None else self._ask_alone(self._idle, request)

    def send_all(self, batch: Batch) -> Coroutine[Any, Any, None]:
        return next(self._turn).tell(batch) if self._idle is None else super().send_all(batch)

    async def _ask_alone(self, idle: "asyncio.Queue[Line]", request: Request) -> Packet:
        line = await idle.get()
        try:
            return await line.ask(request)
        finally:
            idle.put_nowait(line)

    @property
    def available(self) -> bool:
        return not self.closed and any(line.resting <= 0 for line in self._lines)

    async def close(self) -> None:
        self.closed = True
        await asyncio.gather(*(line.close() for line in self._lines))

    def __str__(self) -> str:
        return f"tcp {self.host}:{self.port}"


def reason_of(error: OSError, patience: float) -> str:
    if isinstance(error, TimeoutError) and not error.args:
        return f"no answer within {patience:g} s"
    return not_connected(error)
