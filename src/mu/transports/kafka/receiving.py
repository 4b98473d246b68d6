"""The end of a Kafka topic that receives."""

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition  # type: ignore[import-untyped]

from mu.cancelling import cancelled
from mu.codec import encode
from mu.errors import MuError
from mu.transport import Packet, Receive, Server
from mu.transports.addresses import port_number
from mu.transports.kafka.address import FAILURES, Address, failed
from mu.transports.kafka.goodbye import LAST_WORDS, stop
from mu.transports.kafka.progress import Progress
from mu.transports.pauses import pause_after
from mu.transports.queued.bodies import answer_body, dead_letter, packet_of
from mu.transports.queued.ending import wait_while
from mu.transports.queued.fate import Fate, Verdict, verdict_on

log = logging.getLogger("mu.kafka")
POLL = 0.2  # seconds
SESSION = 6.0  # seconds after which the broker takes a consumer for dead that does not say otherwise


class Delivery:
    """A message, and how far its partition was when it came."""

    __slots__ = ("packet", "progress", "record", "server")

    def __init__(self, server: "KafkaServer", record: Any, progress: Progress, packet: Packet) -> None:
        self.server, self.record, self.progress, self.packet = server, record, progress, packet

    def reply(self, answer: Packet) -> None:
        self.server.answered(self, answer)


class KafkaServer(Server, ConsumerRebalanceListener):  # type: ignore[misc]  # the package has no types
    """Handles the messages of a `topic` of a Kafka, each at least once; handlers know one again by `ctx.id`.

    Several share the partitions of a topic, as the consumers of a `group`; each has up to `batch` messages at once.
    Only what is handled is committed, so another starts with the rest if this one dies; how often that has happened to
    a message Kafka does not tell. A one-way message whose handler has failed goes to the topic
    `<topic>_dead`, with the reason, unless with a status that says "later" (408, 425, 429, 502, 503, 504): that goes to
    the end of the topic. While the broker is away the server waits for it.
    """

    def __init__(
        self,
        *,
        topic: str,
        port: int | str = 9092,
        host: str = "127.0.0.1",
        group: str = "mu",
        batch: int = 100,
        max_deliveries: int = 5,
        max_frame: int = 16 << 20,
    ) -> None:
        if batch < 1 or max_deliveries < 1:
            raise ValueError(f"expected a batch and max_deliveries of 1 or more, found {batch!r}, {max_deliveries!r}")
        self._address = Address(host, port_number(port), topic, max_frame)
        self._group, self._batch, self._max_deliveries = group, batch, max_deliveries
        self._receive: Receive | None = None
        self._hand: set[Delivery] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._progress: dict[TopicPartition, Progress] = {}
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, receive: Receive) -> None:
        self._receive = receive
        self._task = asyncio.get_running_loop().create_task(self._consume())

    async def _consume(self) -> None:
        failures = 0
        while True:
            try:
                if self._consumer is None:
                    await self._open()
                await self._turn()
                failures = 0
            except (MuError, *FAILURES) as error:
                failures += 1
                if failures == 1:
                    log.warning("cannot take messages: %s", error)
                await asyncio.sleep(pause_after(failures))

    async def _open(self) -> None:
        if self._producer is None:
            self._producer = await self._address.producer()
        await self._producer.partitions_for(self._address.requests)  # which makes the topic, if there is none yet
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address.bootstrap,
            group_id=f"{self._group}-{self._address.topic}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(SESSION * 1000),
            heartbeat_interval_ms=int(SESSION * 1000 / 6),
            max_partition_fetch_bytes=self._address.max_frame,
        )
        consumer.subscribe([self._address.requests], listener=self)
        try:
            await consumer.start()
        except BaseException as error:
            await stop(consumer)
            if isinstance(error, FAILURES):
                raise failed(self._address, error) from None
            raise
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: Any) -> None:
        """What is handled of these from now on, others handle again."""
        self._progress.clear()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """They are noted when their first message comes."""

    # What comes ---------------------------------------------------------------------------------------------------

    async def _turn(self) -> None:
        assert self._consumer
        while (held := len(self._hand) + len(self._settling)) >= self._batch:
            self._changed.clear()
            await self._changed.wait()
        found = await self._consumer.getmany(timeout_ms=int(POLL * 1000), max_records=self._batch - held)
        for partition, records in found.items():
            progress = self._progress.setdefault(partition, Progress())
            for record in records:
                progress.begin(record.offset)
                self._arrived(record, progress)
        await self._commit()

    async def _commit(self) -> None:
        positions = {partition: progress.position for partition, progress in self._progress.items()}
        if positions and self._consumer:
            await self._consumer.commit(positions)

    def _arrived(self, record: Any, progress: Progress) -> None:
        packet = packet_of(record.value)
        if isinstance(packet, str):
            self._settle(record, progress, Verdict(Fate.DEAD, packet))
            return
        delivery = Delivery(self, record, progress, packet)
        self._hand.add(delivery)
        assert self._receive
        self._receive(packet, delivery.reply)

    # What goes ----------------------------------------------------------------------------------------------------

    def answered(self, delivery: Delivery, answer: Packet) -> None:
        """Raises a MuError if the answer cannot be written. One after the end is dropped."""
        if delivery not in self._hand:
            return
        verdict = verdict_on(delivery.packet, answer, self._max_deliveries)
        answers = verdict.fate is Fate.ANSWER
        body = answer_body(answer, self._group, self._address.max_frame) if answers else b""
        self._hand.discard(delivery)
        if verdict.fate is not Fate.BACK:  # that is what becomes of a message that is not committed
            self._settle(delivery.record, delivery.progress, verdict, body)

    def _settle(self, record: Any, progress: Progress, verdict: Verdict, answer: bytes = b"") -> None:
        task = asyncio.get_running_loop().create_task(self._settled(record, progress, verdict, answer))
        self._settling.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._settling.discard(task)
        self._changed.set()

    async def _settled(self, record: Any, progress: Progress, verdict: Verdict, answer: bytes) -> None:
        """First the broker has what follows from the message, then the message is done."""
        if verdict.fate is Fate.ANSWER:
            await self._write(self._address.answers, answer, record.key)
        elif verdict.fate is Fate.LATER:
            log.warning("a message is delivered again in %.2f s: %s", verdict.pause, verdict.reason)
            await asyncio.sleep(verdict.pause)
            await self._write(self._address.requests, encode(verdict.packet), record.key)
        elif verdict.fate is Fate.DEAD:
            log.error("a message is dead, see %s: %s", self._address.dead, verdict.reason)
            await self._write(self._address.dead, dead_letter(record.value, verdict.reason), record.key)
        progress.end(record.offset)

    async def _write(self, topic: str, body: bytes, key: bytes | None) -> None:
        """As often as it takes."""
        failures = 0
        while True:
            try:
                assert self._producer
                await self._producer.send_and_wait(topic, body, key=key)
                return
            except FAILURES as error:
                failures += 1
                log.warning("what is handled cannot be settled yet: %r", error)
                await asyncio.sleep(pause_after(failures))

    # The end ------------------------------------------------------------------------------------------------------

    async def close(self, grace: float) -> None:
        """Take no more, settle and commit what is answered within the grace; the rest is for others."""
        if self._task is None:
            return
        until = asyncio.get_running_loop().time() + grace
        await cancelled(self._task)
        await wait_while(lambda: self._hand or self._settling, self._changed, until)
        if self._hand:
            log.warning("%d messages were not handled within %g s: they go back", len(self._hand), grace)
            self._hand.clear()
        await cancelled(*self._settling)
        try:
            async with asyncio.timeout(LAST_WORDS):  # without a broker it would go on for ever
                await self._commit()
        except FAILURES as error:
            log.warning("what is handled is not committed, and will be delivered again: %r", error)
        for end in (self._consumer, self._producer):
            if end:
                await stop(end)

    def __str__(self) -> str:
        return str(self._address)
