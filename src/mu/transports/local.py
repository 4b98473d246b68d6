"""Within one process: a server and the clients of the same name meet in memory.

Packets still pass through JSON, so that what works here works over any other transport too.
"""

import asyncio
import uuid

from mu.codec import decode, encode
from mu.errors import Closed, ConnectFailed, TransportError
from mu.packet import backward, forward
from mu.transport import Client, Packet, Receive, Request, Server

servers: dict[str, "LocalServer"] = {}


class LocalServer(Server):
    """Lets in what the clients of the same `name` send. Its start raises TransportError if the name is taken."""

    def __init__(self, *, name: str = "local") -> None:
        self.name, self.muid = name, str(uuid.uuid4())
        self._receive: Receive | None = None
        self.waiting: set[asyncio.Future[bytes]] = set()

    async def start(self, receive: Receive) -> None:
        if self.name in servers:
            raise TransportError(f"expected the local name {self.name!r} to be free, found it taken: choose another")
        self._receive = receive
        servers[self.name] = self

    async def deliver(self, body: bytes) -> bytes:
        """The answer to a packet, both as bytes."""
        assert self._receive is not None  # clients find it only while it is open
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def reply(packet: Packet) -> None:
            written = encode(backward(packet, self.muid))
            if not answer.done():
                answer.set_result(written)

        self.waiting.add(answer)
        try:
            self._receive(decode(body), reply)
            return await answer
        finally:
            self.waiting.discard(answer)

    async def close(self, grace: float) -> None:
        if servers.get(self.name) is self:
            del servers[self.name]
        self._receive = None
        if self.waiting and grace > 0:
            await asyncio.wait(self.waiting, timeout=grace)
        for answer in self.waiting:
            if not answer.done():
                answer.set_exception(Closed(f"{self} shut down before the answer", sent=True, remote=True))

    def __str__(self) -> str:
        return f"local {self.name}"


class LocalClient(Client):
    """Sends to the server of the same `name`, if one has started by then; without one a message is ConnectFailed."""

    def __init__(self, *, name: str = "local") -> None:
        self.name, self.muid = name, str(uuid.uuid4())
        self._closed = False

    async def request(self, request: Request) -> Packet:
        if self._closed:
            raise Closed(f"the transport {self} is closed")
        server = servers.get(self.name)
        if server is None:
            raise ConnectFailed(f"expected a local server of the name {self.name!r}, found {known()}")
        body = encode(forward(request.packet, self.muid))
        request.sent = True
        packet: Packet = decode(await server.deliver(body))
        return packet

    async def close(self) -> None:
        self._closed = True

    def __str__(self) -> str:
        return f"local {self.name}"


def known() -> str:
    return ", ".join(map(repr, servers)) or "none"


server, client = LocalServer, LocalClient
