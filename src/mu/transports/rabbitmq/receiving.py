"""The end of a RabbitMQ queue that receives."""

import asyncio
import logging

from aio_pika.abc import AbstractIncomingMessage

from mu.codec import encode
from mu.errors import MuError
from mu.transport import Packet, Receive, Server
from mu.transports.addresses import port_number
from mu.transports.pauses import pause_after
from mu.transports.queued.bodies import answer_body, dead_letter, packet_of
from mu.transports.queued.ending import wait_while
from mu.transports.queued.fate import Fate, Verdict, after_a_bad_end, verdict_on
from mu.transports.rabbitmq.session import FAILURES, PATIENCE, Address, Session, failed, open_session

log = logging.getLogger("mu.rabbitmq")


class Delivery:
    """A message and the session that it came by, which alone can settle it."""

    __slots__ = ("message", "packet", "server", "session")

    def __init__(
        self, server: "RabbitServer", session: Session, message: AbstractIncomingMessage, packet: Packet
    ) -> None:
        self.server, self.session, self.message, self.packet = server, session, message, packet

    def reply(self, answer: Packet) -> None:
        self.server.answered(self, answer)


class RabbitServer(Server):
    """Handles the messages in a durable `queue` of a RabbitMQ, each at least once; handlers know one by `ctx.id`.

    Several share a queue; each has up to `prefetch` messages, which the broker gives to another if this one dies. One
    with which consumers have died `max_deliveries` times goes to the queue `<queue>_dead`, with the reason. So does a
    one-way message whose handler has failed, unless with a status that says "later" (408, 425, 429, 502, 503, 504):
    that is delivered again. While the broker is away the server waits for it. The rest as for `client`.
    """

    def __init__(
        self,
        *,
        queue: str,
        port: int | str = 5672,
        host: str = "127.0.0.1",
        prefetch: int = 100,
        max_deliveries: int = 5,
        max_length: int = 100_000,
        max_frame: int = 16 << 20,
        username: str = "guest",
        password: str = "guest",  # noqa: S107 (RabbitMQ's own default, for connections from the same machine)
        vhost: str = "/",
        ssl: bool = False,
    ) -> None:
        if prefetch < 1 or max_deliveries < 1:
            raise ValueError(
                f"expected a prefetch and max_deliveries of 1 or more, found {prefetch!r} and {max_deliveries!r}"
            )
        options = {"login": username, "password": password, "virtualhost": vhost, "ssl": ssl}
        self._address = Address(host, port_number(port), queue, max_length, options)
        self._prefetch, self._max_deliveries, self._max_frame = prefetch, max_deliveries, max_frame
        self._receive: Receive | None = None
        self._hand: set[Delivery] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._session: Session | None = None
        self._tag = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self, receive: Receive) -> None:
        """Raises TransportError if the broker does not let us in; one that is away is waited for."""
        self._receive = receive
        try:
            await self._open()
        except MuError as error:
            if not error.temporary:
                raise
            log.warning("%s is not to be had yet: %s", self, error)
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        """A session, and after it the next."""
        failures = 0
        while True:
            try:
                if self._session is None:
                    await self._open()
                    log.warning("%s is back", self)
                failures = 0
                assert self._session
                await wait_for_end(self._session)
                log.warning("%s was lost", self)
            except MuError:
                failures += 1
                await asyncio.sleep(pause_after(failures))
            await self._drop()

    async def _open(self) -> None:
        session = await open_session(self._address)
        try:
            await session.channel.set_qos(prefetch_count=self._prefetch, timeout=PATIENCE)

            async def arrived(message: AbstractIncomingMessage) -> None:
                self._arrived(session, message)

            self._tag = await session.requests.consume(arrived, timeout=PATIENCE)
        except FAILURES as error:
            await session.connection.close()
            raise failed(self._address, error) from None
        self._session = session

    async def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.connection.close()

    # What comes ---------------------------------------------------------------------------------------------------

    def _arrived(self, session: Session, message: AbstractIncomingMessage) -> None:
        packet = packet_of(message.body)
        if isinstance(packet, str):
            self._settle(session, message, Verdict(Fate.DEAD, packet))
            return
        if message.redelivered:  # the broker does not count how often
            self._settle(session, message, after_a_bad_end(packet, "its consumer died", self._max_deliveries))
            return
        delivery = Delivery(self, session, message, packet)
        self._hand.add(delivery)
        assert self._receive
        self._receive(packet, delivery.reply)

    # What goes ----------------------------------------------------------------------------------------------------

    def answered(self, delivery: Delivery, answer: Packet) -> None:
        """Raises a MuError if the answer cannot be written. One after the end is dropped."""
        if delivery not in self._hand:
            return
        verdict = verdict_on(delivery.packet, answer, self._max_deliveries)
        body = answer_body(answer, "rabbitmq", self._max_frame) if verdict.fate is Fate.ANSWER else b""
        self._hand.discard(delivery)
        where = delivery.packet["protocol"]["path"][-1]
        self._settle(delivery.session, delivery.message, verdict, body, f"{self._address.queue}_res_{where}")

    def _settle(
        self,
        session: Session,
        message: AbstractIncomingMessage,
        verdict: Verdict,
        answer: bytes = b"",
        where: str = "",
    ) -> None:
        task = asyncio.get_running_loop().create_task(self._settled(session, message, verdict, answer, where))
        self._settling.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._settling.discard(task)
        self._changed.set()

    async def _settled(
        self, session: Session, message: AbstractIncomingMessage, verdict: Verdict, answer: bytes, where: str
    ) -> None:
        """First the broker has what follows from the message, then it forgets the message."""
        try:
            if verdict.fate is Fate.ANSWER:
                await session.publish(answer, where, mandatory=False, correlation_id=message.correlation_id)
            elif verdict.fate is Fate.LATER:
                log.warning("a message is delivered again in %.2f s: %s", verdict.pause, verdict.reason)
                await session.publish(encode(verdict.packet), self._address.later, expiration=verdict.pause)
            elif verdict.fate is Fate.DEAD:
                log.error("a message is dead, see %s: %s", self._address.dead, verdict.reason)
                await session.publish(dead_letter(message.body, verdict.reason), self._address.dead)
            elif verdict.fate is Fate.BACK:
                await message.nack(requeue=True)
                return
            await message.ack()
        except FAILURES as error:
            log.warning("a message could not be settled, and will be delivered again: %r", error)

    # The end ------------------------------------------------------------------------------------------------------

    async def close(self, grace: float) -> None:
        """Take no more, settle what is answered within the grace; the broker gives the rest to others."""
        if self._task is None:
            return
        until = asyncio.get_running_loop().time() + grace
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._session is not None and self._session.usable:
            try:
                await self._session.requests.cancel(self._tag)
            except FAILURES as error:
                log.warning("%s was lost at the end: %r", self, error)
        await wait_while(lambda: self._hand or self._settling, self._changed, until)
        if self._hand:
            log.warning("%d messages were not handled within %g s: they go back", len(self._hand), grace)
            self._hand.clear()
        if self._settling:
            await asyncio.wait(self._settling, timeout=1.0)
        for task in self._settling:
            task.cancel()
        await self._drop()

    def __str__(self) -> str:
        return str(self._address)


async def wait_for_end(session: Session) -> None:
    ended = asyncio.Event()
    for each in (session.connection, session.channel):
        each.close_callbacks.add(lambda *_: ended.set())
    if session.usable:
        await ended.wait()
