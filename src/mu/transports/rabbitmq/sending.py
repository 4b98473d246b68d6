"""The end of a RabbitMQ queue that sends."""

import asyncio
import uuid

from aio_pika.abc import AbstractIncomingMessage

from mu.errors import Closed, ConnectFailed, MuError
from mu.transport import Client, Packet, Request
from mu.transports.addresses import port_number
from mu.transports.queued.answers import Answers
from mu.transports.queued.bodies import body_of
from mu.transports.queued.oneway import without_answer
from mu.transports.queued.pauses import pause_after
from mu.transports.rabbitmq.session import FAILURES, Address, Session, lost, open_session


class RabbitClient(Client):
    """Puts messages into a durable `queue` of a RabbitMQ; answers come by a queue that only this client may read.

    `send` returns when the broker has confirmed that it has the message. With `max_length` messages in the queue those
    that come more are turned away with `Overloaded`; both ends must name the same. When the connection is lost, those
    who wait for an answer get `ConnectionLost`. `max_frame`: bytes of the largest packet.
    """

    def __init__(
        self,
        *,
        queue: str,
        port: int | str = 5672,
        host: str = "127.0.0.1",
        max_length: int = 100_000,
        max_frame: int = 16 << 20,
        username: str = "guest",
        password: str = "guest",  # noqa: S107 (RabbitMQ's own default, for connections from the same machine)
        vhost: str = "/",
        ssl: bool = False,
    ) -> None:
        options = {"login": username, "password": password, "virtualhost": vhost, "ssl": ssl}
        self._address = Address(host, port_number(port), queue, max_length, options)
        self._max_frame = max_frame
        self._muid = ""
        self._session: Session | None = None
        self._attempt: asyncio.Task[Session] | None = None
        self._answers = Answers()
        self._failures, self._not_before, self._failure = 0, 0.0, ""
        self._closed = False

    async def request(self, request: Request) -> Packet:
        with self._answers.expect(request) as answer:
            await self._publish(request, request.packet, answers=True)
            return await answer

    async def send(self, request: Request) -> None:
        await self._publish(request, without_answer(request.packet), answers=False)

    async def _publish(self, request: Request, packet: Packet, *, answers: bool) -> None:
        session = await self._connected()
        body = body_of(packet, self._muid, self._max_frame)
        names = {"message_id": packet["protocol"]["path"][0], "content_type": "application/json"}
        if answers:
            names |= {"reply_to": self._answer_queue, "correlation_id": packet["protocol"]["path"][0]}
        request.sent = True
        try:
            await session.publish(body, self._address.requests, **names)
        except FAILURES as error:
            failure = lost(self._address, error)
            request.sent = failure.sent
            raise failure from None

    @property
    def _answer_queue(self) -> str:
        return f"{self._address.queue}_res_{self._muid}"

    async def _connected(self) -> Session:
        if self._closed:
            raise Closed(f"the transport to {self} is closed")
        if self._session is not None and self._session.usable:
            return self._session
        if (rest := self._resting) > 0:
            raise ConnectFailed(f"{self._failure}; the next attempt is in {rest:.2f} s", retry_after=rest)
        if self._attempt is None:
            self._attempt = asyncio.get_running_loop().create_task(self._connect())
            self._attempt.add_done_callback(self._attempted)
        try:
            return await asyncio.shield(self._attempt)
        except MuError as failure:  # one for each who waited
            raise type(failure)(failure.message, sent=False, retry_after=failure.retry_after) from None
        except asyncio.CancelledError:
            if self._closed:
                raise Closed(f"the transport to {self} was closed") from None
            raise

    def _attempted(self, attempt: "asyncio.Task[Session]") -> None:
        self._attempt = None
        if not attempt.cancelled():
            attempt.exception()  # whoever waits gets it; nobody may

    async def _connect(self) -> Session:
        await self._drop()
        try:
            session = await open_session(self._address)
            self._muid = str(uuid.uuid4())  # the queue of answers ends with its connection
            answers = await session.channel.declare_queue(self._answer_queue, exclusive=True, auto_delete=True)
            await answers.consume(self._arrived, no_ack=True)
        except MuError as failure:
            self._failures += 1
            rest = pause_after(self._failures)
            self._failure = failure.message
            self._not_before = asyncio.get_running_loop().time() + rest
            failure.retry_after = rest
            raise
        except FAILURES as error:
            raise ConnectFailed(f"cannot connect to {self}: {error}") from None
        self._session, self._failures = session, 0
        session.connection.close_callbacks.add(lambda *_: self._answers.lost(str(self)))
        return session

    async def _arrived(self, message: AbstractIncomingMessage) -> None:
        self._answers.arrived(message.body)

    @property
    def _resting(self) -> float:
        return self._not_before - asyncio.get_running_loop().time() if self._failures else 0.0

    @property
    def available(self) -> bool:
        return not self._closed and self._resting <= 0

    async def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.connection.close()

    async def close(self) -> None:
        """What waits for an answer ends with `Closed`, what is in the queue stays there."""
        self._closed = True
        self._answers.close(str(self))
        if self._attempt:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])
        await self._drop()

    def __str__(self) -> str:
        return str(self._address)
