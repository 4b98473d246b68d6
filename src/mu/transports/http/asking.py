"""The end of HTTP that asks."""

import asyncio
import contextlib
import io
import ssl as tls
import types
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from mu.codec import decode, encode
from mu.errors import BadFrame, Closed, ConnectFailed, ConnectionLost, FrameTooLarge, MuError, TransportError
from mu.packet import forward, is_request
from mu.transport import Client, Packet, Request
from mu.transports.addresses import not_connected, port_number

JSON = {"Content-Type": "application/json"}
LARGE = 1 << 20  # bytes; above, aiohttp wants a stream, which it writes in pieces


class HttpClient(Client):
    """Posts each message to http://host:port/mu/, over connections that are kept for the next.

    `ssl`: an SSLContext for https, True for the usual one. `max_frame`: bytes of the largest packet. `pool`: so many
    connections at most; a message more waits until one is free. `connect_timeout` in seconds.
    """

    def __init__(
        self,
        *,
        port: int | str,
        host: str = "127.0.0.1",
        ssl: tls.SSLContext | bool | None = None,
        server_hostname: str | None = None,
        max_frame: int = 16 << 20,
        pool: int = 100,
        connect_timeout: float = 5.0,
    ) -> None:
        if pool < 1:
            raise ValueError(f"expected a pool of at least one connection, found {pool!r}")
        self.port, self.host, self.max_frame = port_number(port), host, max_frame
        self._ssl, self._server_hostname = ssl or None, server_hostname
        self._pool, self._connect_timeout = pool, connect_timeout
        self._session: aiohttp.ClientSession | None = None
        self._names: list[str] = []
        self._waiting: set[asyncio.Timeout] = set()
        self._closed = False

    async def request(self, request: Request) -> Packet:
        name = self._names.pop() if self._names else str(uuid.uuid4())
        body = encode(forward(request.packet, name))
        check_size(body, self.max_frame, sent=False)
        packet = await self._post(request, body)
        if packet["protocol"].get("path") != request.packet["protocol"]["path"]:
            raise BadFrame(f"expected the answer of {self}, found that to another message")
        self._names.append(name)  # not before: Node's server may mix up two that are under way by the same name
        return packet

    async def _post(self, request: Request, body: bytes) -> Packet:
        try:
            async with (
                self._until_closed(),
                self._open().post(
                    self.url,
                    data=body if len(body) <= LARGE else io.BytesIO(body),
                    headers=JSON,
                    allow_redirects=False,
                    server_hostname=self._server_hostname,
                    trace_request_ctx=request,
                ) as response,
            ):
                return await self._read(response)
        except (aiohttp.ClientError, OSError) as error:
            raise self._failure(error, request.sent) from None

    async def _read(self, response: aiohttp.ClientResponse) -> Packet:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            check_size(body, self.max_frame, sent=True)
        if response.status != 200:
            raise refusal(self, response, body)
        packet: Packet = decode(bytes(body))
        if is_request(packet):
            raise BadFrame(f"expected an answer of {self}, found a request")
        return packet

    def _failure(self, error: Exception, sent: bool) -> MuError:
        if self._closed:
            return Closed(f"the transport to {self} was closed before the answer", sent=sent)
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return ConnectFailed(f"cannot connect to {self}: no answer within {self._connect_timeout:g} s")
        if isinstance(error, aiohttp.ClientConnectorError):
            return ConnectFailed(f"cannot connect to {self}: {not_connected(error.os_error)}")
        return ConnectionLost(f"{self} closed before the answer: {error or type(error).__name__}", sent=sent)

    @contextlib.asynccontextmanager
    async def _until_closed(self) -> AsyncIterator[None]:
        """Raises TimeoutError inside when this client is closed: aiohttp would first let attempts to connect end."""
        async with asyncio.timeout(None) as waiting:
            self._waiting.add(waiting)
            try:
                yield
            finally:
                self._waiting.discard(waiting)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise Closed(f"the transport to {self} is closed")
        if self._session is None:
            traces = aiohttp.TraceConfig()
            traces.on_request_headers_sent.append(note_sent)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._pool, ssl=self._ssl or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
                trace_configs=[traces],
            )
        return self._session

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._ssl else 'http'}://{host}:{self.port}/mu/"

    @property
    def available(self) -> bool:
        return not self._closed

    async def close(self) -> None:
        self._closed = True
        for waiting in self._waiting:
            waiting.reschedule(asyncio.get_running_loop().time())
        if self._session:
            await self._session.close()

    def __str__(self) -> str:
        return f"http {self.host}:{self.port}"


async def note_sent(session: aiohttp.ClientSession, context: types.SimpleNamespace, parameters: Any) -> None:
    context.trace_request_ctx.sent = True


def check_size(body: bytes | bytearray, limit: int, *, sent: bool) -> None:
    if len(body) > limit:
        raise FrameTooLarge(
            f"expected at most {limit:,} bytes, found {len(body):,} or more: send less, or raise max_frame", sent=sent
        )


def refusal(client: HttpClient, response: aiohttp.ClientResponse, body: bytearray) -> TransportError:
    """For any status but 200. A server that speaks mu answers with 200 even if the handler failed."""
    said = f"{response.status} {response.reason}"
    if response.content_type == "text/plain" and (text := body[:200].decode(errors="replace").strip()) != said:
        said = f"{said}: {text}"
    kind = FrameTooLarge if response.status == 413 else TransportError
    return kind(f"expected an answer of {client}, found {said}", remote=True)
