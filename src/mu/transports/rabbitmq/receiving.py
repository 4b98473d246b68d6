"""The end of a RabbitMQ queue that receives."""

import asyncio
import logging
from functools import partial

from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from mu.cancelling import cancelled
from mu.codec import encode
from mu.errors import MuError
from mu.transport import Packet, Receive, Server
from mu.transports.addresses import port_number
from mu.transports.pauses import pause_after
from mu.transports.queued.bodies import answer_body, dead_letter, packet_of
from mu.transports.queued.ending import wait_while
from mu.transports.queued.fate import Fate, Verdict, after_a_bad_end, verdict_on
from mu.transports.rabbitmq.address import PATIENCE, Address
from mu.transports.rabbitmq.refusals import FAILURES, failed
from mu.transports.rabbitmq.session import Session, open_session

log = logging.getLogger("mu.rabbitmq")
LAST_WORDS = 1.0  # seconds at the end for telling the broker what was handled


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

    Several share a queue; each has up to `prefetch` messages, and as many that come again. If it dies, others get them,
    one by one. One with which consumers have died `max_deliveries` times goes to the queue `<queue>_dead`, with the
    reason. So does a one-way message whose handler has failed, unless with a status that says "later" (408, 425, 429,
    502, 503, 504): that is delivered again. While the broker is away the server waits for it. The rest as for `client`.
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
        self._ended = asyncio.Event()  # set when the session is of no more use
        self._consuming: list[tuple[AbstractQueue, str]] = []
        self._task: asyncio.Task[None] | None = None
        self._closing = False

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
        while not self._closing:  # being cancelled is not enough: while it connects, the package makes a failure of it
            try:
                if self._session is None:
                    await self._open()
                    log.warning("%s is back", self)
                failures = 0
                if not self._closing:
                    await self._ended.wait()
                    log.warning("%s was lost", self)
            except MuError:
                failures += 1
                await asyncio.sleep(pause_after(failures))
            await self._drop()

    async def _open(self) -> None:
        self._session = await open_session(self._address)
        try:
            await self._consume(self._session)
        except FAILURES as error:
            await self._drop()
            raise failed(self._address, error) from None

    async def _consume(self, session: Session) -> None:
        self._ended = ended = asyncio.Event()
        session.when_it_ends(ended.set)
        channel = await session.channel.get_underlay_channel()
        channel.on_consumer_cancel_callbacks.add(lambda _: ended.set())  # somebody has deleted the queue

        async def arrived(message: AbstractIncomingMessage) -> None:
            self._arrived(session, message)

        self._consuming = []
        for queue, prefetch in (
            (session.requests, self._prefetch),
            (session.again, self._prefetch),
            (session.suspects, 1),
        ):
            await session.channel.set_qos(prefetch_count=prefetch, timeout=PATIENCE)  # for who consumes from now on
            self._consuming.append((queue, await queue.consume(arrived, timeout=PATIENCE)))

    async def _drop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # What comes ---------------------------------------------------------------------------------------------------

    def _arrived(self, session: Session, message: AbstractIncomingMessage) -> None:
        packet = packet_of(message.body)
        if isinstance(packet, str):
            self._settle(session, message, Verdict(Fate.DEAD, packet))
            return
        if message.redelivered:  # the broker does not count how often
            verdict = after_a_bad_end(packet, "its consumer died", self._max_deliveries)
            self._settle(session, message, verdict, where=self._address.suspects)
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
        body, where = b"", self._address.later
        if verdict.fate is Fate.ANSWER:
            body = answer_body(answer, "rabbitmq", self._max_frame)
            where = f"{self._address.queue}_res_{delivery.packet['protocol']['path'][-1]}"
        self._hand.discard(delivery)
        self._settle(delivery.session, delivery.message, verdict, body, where)

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
            await self._follow(session, message, verdict, answer, where)
            await message.ack()
        except FAILURES as error:
            log.warning("a message could not be settled, and will be delivered again: %r", error)
            await session.close()  # with which all that came by it goes back

    async def _follow(
        self, session: Session, message: AbstractIncomingMessage, verdict: Verdict, answer: bytes, where: str
    ) -> None:
        publish = partial(session.publish, message_id=message.message_id, correlation_id=message.correlation_id)
        if verdict.fate is Fate.ANSWER:
            await publish(answer, where, mandatory=False)
        elif verdict.fate is Fate.LATER:
            pause = verdict.pause if where == self._address.later else None
            log.warning("a message is delivered again: %s", verdict.reason)
            await publish(encode(verdict.packet), where, expiration=pause)
        elif verdict.fate is Fate.BACK:  # not by a nack, after which it would pass for one whose consumer has died
            await publish(message.body, self._address.again)
        elif verdict.fate is Fate.DEAD:
            log.error("a message is dead, see %s: %s", self._address.dead, verdict.reason)
            await publish(dead_letter(message.body, verdict.reason), self._address.dead)

    # The end ------------------------------------------------------------------------------------------------------

    async def close(self, grace: float) -> None:
        """Take no more, settle what is answered within the grace, and give the rest back."""
        if self._task is None:
            return
        until = asyncio.get_running_loop().time() + grace
        self._closing = True
        await cancelled(self._task)
        await self._take_no_more()
        await wait_while(lambda: self._hand or self._settling, self._changed, until)
        if self._hand:
            log.warning("%d messages were not handled within %g s: they go back", len(self._hand), grace)
            for delivery in self._hand:
                self._settle(delivery.session, delivery.message, Verdict(Fate.BACK))
            self._hand.clear()
        if self._settling:
            await asyncio.wait(self._settling, timeout=LAST_WORDS)
        for task in self._settling:
            task.cancel()
        await self._drop()

    async def _take_no_more(self) -> None:
        if self._session is None or not self._session.usable:
            return
        try:
            for queue, tag in self._consuming:
                await queue.cancel(tag, timeout=LAST_WORDS)
        except FAILURES as error:
            log.warning("%s was lost at the end: %r", self, error)

    def __str__(self) -> str:
        return str(self._address)
