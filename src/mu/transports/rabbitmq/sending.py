"""The end of a RabbitMQ queue that sends."""

import uuid

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import PublishError

from mu.errors import Closed
from mu.transport import Client, Packet, Request
from mu.transports.addresses import port_number
from mu.transports.opening import Opening
from mu.transports.queued.answers import Answers
from mu.transports.queued.bodies import body_of
from mu.transports.queued.oneway import without_answer
from mu.transports.rabbitmq.address import PATIENCE, Address
from mu.transports.rabbitmq.refusals import FAILURES, failed, lost
from mu.transports.rabbitmq.session import Session, open_session


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
        self._opening = Opening(str(self), self._connect)
        self._answers = Answers()
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
            failure = (
                Closed(f"the transport to {self} was closed", sent=True) if self._closed else lost(self._address, error)
            )
            request.sent = failure.sent
            if isinstance(error, PublishError):
                await session.close()  # the next one makes the queue again
            raise failure from None

    @property
    def _answer_queue(self) -> str:
        return f"{self._address.queue}_res_{self._muid}"

    async def _connected(self) -> Session:
        session = self._session
        return session if session is not None and session.usable else await self._opening.opened()

    async def _connect(self) -> Session:
        await self._drop()
        session = await open_session(self._address)
        self._muid = str(uuid.uuid4())  # the queue of answers ends with its connection
        try:
            answers = await session.channel.declare_queue(
                self._answer_queue, exclusive=True, auto_delete=True, timeout=PATIENCE
            )
            await answers.consume(self._arrived, no_ack=True, timeout=PATIENCE)
        except BaseException as error:
            await session.close()
            if isinstance(error, FAILURES):
                raise failed(self._address, error) from None
            raise
        self._session = session
        session.when_it_ends(lambda: self._answers.lost(str(self)))
        return session

    async def _arrived(self, message: AbstractIncomingMessage) -> None:
        self._answers.arrived(message.body)

    @property
    def available(self) -> bool:
        return self._opening.available

    async def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def close(self) -> None:
        """What waits for an answer ends with `Closed`, what is in the queue stays there."""
        self._closed = True
        self._answers.close(str(self))
        await self._opening.close()
        await self._drop()

    def __str__(self) -> str:
        return str(self._address)
