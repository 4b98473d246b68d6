"""The end of HTTP that answers."""

import asyncio
import logging
import ssl as tls
import uuid
from functools import partial

from aiohttp import web

from mu import packet as packets
from mu.codec import decode, encode
from mu.errors import BadFrame, Closed, FrameTooLarge, TransportError
from mu.transport import Packet, Receive, Server
from mu.transports.addresses import cannot_listen, port_number

log = logging.getLogger("mu.http")
ON_THE_WAY = 0.1  # seconds within which a message that was sent before the server closes should be there
LAST_BYTES = 0.2  # seconds that connections have for them when the server closes
REST = 1.0  # seconds for which the rest of a body that is refused is read: else a client might not see the refusal


class HttpServer(Server):
    """Listens at host and port for POST /mu/; port 0 takes a free one, which `port` tells after the start.

    `ssl`: an SSLContext for https. `max_frame`: bytes of the largest packet. What is no message gets an HTTP status
    from 400 on; a handler's error is an answer like any other, with 200.
    """

    def __init__(
        self,
        *,
        port: int | str = 0,
        host: str = "127.0.0.1",
        ssl: tls.SSLContext | None = None,
        max_frame: int = 16 << 20,
    ) -> None:
        self.port, self.host, self.max_frame = port_number(port), host, max_frame
        self._ssl, self._muid = ssl, str(uuid.uuid4())
        self._runner: web.AppRunner | None = None
        self._exchanges: set[Exchange] = set()

    async def start(self, receive: Receive) -> None:
        application = web.Application(client_max_size=self.max_frame)
        application.router.add_post("/mu/", partial(self._post, receive))
        runner = web.AppRunner(
            application, access_log=None, auto_decompress=False, lingering_time=REST, shutdown_timeout=LAST_BYTES
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port, ssl_context=self._ssl, backlog=1024).start()
        except OSError as error:
            await runner.cleanup()
            raise TransportError(cannot_listen(self.host, self.port, error), sent=False) from None
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def _post(self, receive: Receive, request: web.Request) -> web.Response:
        exchange = Exchange(self._muid, self.max_frame)
        self._exchanges.add(exchange)
        try:
            response = await exchange.run(request, receive)
        finally:
            self._exchanges.discard(exchange)
        if self._runner is None:
            response.force_close()  # the client is told, so that its next message does not come this way
        return response

    async def close(self, grace: float) -> None:
        runner, self._runner = self._runner, None
        if runner is None or runner.server is None:
            return
        for site in runner.sites:
            await site.stop()
        if runner.server.connections:
            await self._answer_all(grace)
        for exchange in self._exchanges:
            exchange.give_up(Closed(f"{self} shut down before the answer", sent=True))
        await runner.cleanup()

    async def _answer_all(self, grace: float) -> None:
        """Idle connections stay open for a moment: a message may be on its way there."""
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        await asyncio.sleep(min(grace, ON_THE_WAY))
        while self._exchanges and (left := until - loop.time()) > 0:
            await asyncio.wait([exchange.ended for exchange in self._exchanges], timeout=left)
        if self._exchanges:
            log.warning("%s: %d messages were not answered within %g s", self, len(self._exchanges), grace)

    def __str__(self) -> str:
        return f"http {self.host}:{self.port}"


class Exchange:
    """One POST and its answer. `ended`: when the answer is there, or will never be."""

    def __init__(self, muid: str, max_frame: int) -> None:
        self._muid, self._max_frame = muid, max_frame
        self._packet: Packet | None = None
        self.ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def run(self, request: web.Request, receive: Receive) -> web.Response:
        try:
            self._packet = packet_of(await body_of(request))
            receive(self._packet, self._reply)
            return web.Response(body=await self.ended, content_type="application/json")
        except BadFrame as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        finally:
            self.ended.cancel()

    def _reply(self, packet: Packet) -> None:
        body = encode(packets.backward(packet, self._muid))
        if len(body) > self._max_frame:
            raise FrameTooLarge(f"expected an answer of at most {self._max_frame:,} bytes, found {len(body):,}")
        if not self.ended.done():
            self.ended.set_result(body)

    def give_up(self, error: Closed) -> None:
        if self._packet is not None:
            self._reply(packets.refusal(self._packet, error))


async def body_of(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (web.RequestPayloadError, ConnectionError) as error:
        raise BadFrame(f"expected a whole body, found part of one: {error}") from None


def packet_of(body: bytes) -> Packet:
    packet: Packet = decode(body)
    if not packets.is_request(packet):
        raise BadFrame("expected a message with a 'pattern', found none")
    return packet
