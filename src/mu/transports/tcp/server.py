"""The end of TCP connections that others open."""

import asyncio
import ssl as tls

from mu.codec import encode
from mu.errors import TransportError
from mu.frames import frame
from mu.packet import backward
from mu.transport import Packet, Receive, Server
from mu.transports.addresses import cannot_listen, port_number
from mu.transports.tcp.greetings import HELLO, WELCOME, goodbye
from mu.transports.tcp.stream import Stream, log

NEWCOMER = 0.1  # seconds for the first message of a connection, when the server shuts down just after it was made


class ServerStream(Stream):
    """A connection from a client. Reads no further while too much of what it asked for is not answered or not read."""

    def __init__(self, server: "TcpServer", receive: Receive) -> None:
        super().__init__(server.max_frame)
        self._server, self._receive = server, receive
        self.in_flight = 0
        self._heard = self._knows_us = self._half_closed = self._closing = self._paused = False

    def on_request(self, packet: Packet) -> None:
        if not self._heard:
            self._heard = True
            protocol = packet["protocol"]
            self._knows_us = protocol.get(HELLO) == protocol["path"][-1]
            if self._closing and self._knows_us:
                self.write(goodbye())
        self.in_flight += 1
        if self.in_flight >= self._server.max_in_flight:
            self._regulate()
        self._receive(packet, self._reply)

    def on_response(self, packet: Packet) -> None:
        """A Node relay sends such, by mistake; an answer to it would end a Node peer."""

    def _reply(self, packet: Packet) -> None:
        body = frame(encode(self._addressed(packet)), self.max_frame)
        self.in_flight -= 1
        if not self.ended:
            self.write(body)
        if self._paused:
            self._regulate()
        if not self.in_flight and (self._half_closed or (self._closing and not self._knows_us)):
            self.end("all is answered")

    def _addressed(self, packet: Packet) -> Packet:
        asked = packet["protocol"]
        answer = backward(packet, self.muid, brief=self._knows_us)
        if self._knows_us and HELLO in asked:
            answer["protocol"][WELCOME] = asked["path"][-1]
        return answer

    def _regulate(self) -> None:
        """Read on, or stop reading, so that what one client may pile up here is bounded."""
        limit = self._server.max_in_flight
        pause = self.full or self.in_flight >= (limit // 2 + 1 if self._paused else limit)
        if pause != self._paused and not self.transport.is_closing():
            self._paused = pause
            if pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._regulate()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._regulate()

    def close_when_answered(self) -> None:
        """Ask the client to go to somewhere else; one that does not understand that is let go when all is answered."""
        self._closing = True
        if self._knows_us:
            self.write(goodbye())
        elif not self._heard:
            self.loop.call_later(NEWCOMER, self._end_if_idle)
        else:
            self._end_if_idle()

    def _end_if_idle(self) -> None:
        if not self.in_flight and not self._knows_us:
            self.end("all is answered")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.streams.add(self)
        if self._server.closing:
            self.close_when_answered()

    def eof_received(self) -> bool:
        """The client sends nothing more, but may still read: Node's does so when it is torn down."""
        self._half_closed = True
        self.flush()
        return self.in_flight > 0

    def on_end(self, reason: str) -> None:
        if self.in_flight:
            log.info("%s has gone, and %d of its messages are not answered: %s", self.peer(), self.in_flight, reason)
        self._server.gone(self)


class TcpServer(Server):
    """Listens at host and port; port 0 takes a free one, which `port` tells after the start.

    `ssl`: an SSLContext for TLS. `max_frame`: bytes of the largest packet. `max_in_flight`: messages of one connection
    that may be under way before it is read no further.
    """

    def __init__(
        self,
        *,
        port: int | str = 0,
        host: str = "127.0.0.1",
        ssl: tls.SSLContext | None = None,
        max_frame: int = 16 << 20,
        max_in_flight: int = 1000,
    ) -> None:
        self.port, self.host, self._ssl = port_number(port), host, ssl
        self.max_frame, self.max_in_flight = max_frame, max_in_flight
        self.streams: set[ServerStream] = set()
        self.closing = False
        self._server: asyncio.Server | None = None
        self._all_gone: asyncio.Event | None = None

    async def start(self, receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: ServerStream(self, receive), self.host, self.port, ssl=self._ssl, backlog=1024
            )
        except OSError as error:
            raise TransportError(cannot_listen(self.host, self.port, error), sent=False) from None
        self.port = self._server.sockets[0].getsockname()[1]
        self._all_gone = asyncio.Event()

    async def close(self, grace: float) -> None:
        if self._server is None or self._all_gone is None:
            return
        self.closing = True
        self._server.close()
        self._all_gone.clear()
        for stream in list(self.streams):
            stream.close_when_answered()
        if self.streams and grace > 0:
            try:
                async with asyncio.timeout(grace):
                    await self._all_gone.wait()
            except TimeoutError:
                log.warning("%s: %d connections did not end within %g s", self, len(self.streams), grace)
        for stream in list(self.streams):
            stream.end("shutting down")
            if stream.unread:
                stream.abort()
        self._server = None

    def gone(self, stream: ServerStream) -> None:
        self.streams.discard(stream)
        if self._all_gone and not self.streams:
            self._all_gone.set()

    def __str__(self) -> str:
        return f"tcp {self.host}:{self.port}"
