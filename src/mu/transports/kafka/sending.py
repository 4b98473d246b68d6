"""The end of a Kafka topic that sends."""

import asyncio
import uuid
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]

from mu.cancelling import cancelled
from mu.transport import Client, Packet, Request
from mu.transports.addresses import port_number
from mu.transports.kafka.address import FAILURES, Address, failed, lost
from mu.transports.kafka.goodbye import stop
from mu.transports.opening import Opening
from mu.transports.queued.answers import Answers
from mu.transports.queued.bodies import body_of
from mu.transports.queued.oneway import without_answer


@dataclass
class Ends:
    """What goes out, and what comes back."""

    producer: AIOKafkaProducer
    answers: AIOKafkaConsumer
    reader: "asyncio.Task[None]"


class KafkaClient(Client):
    """Writes messages to a `topic` of a Kafka; answers come by a topic that all clients read, each for its own.

    `send` returns when the broker has confirmed that it has the message. `host` and `port` are those of any broker.
    `max_frame`: bytes of the largest packet, which the broker must allow as well.
    """

    def __init__(
        self, *, topic: str, port: int | str = 9092, host: str = "127.0.0.1", max_frame: int = 16 << 20
    ) -> None:
        self._address = Address(host, port_number(port), topic, max_frame)
        self._muid = str(uuid.uuid4())
        self._answers = Answers()
        self._ends: Ends | None = None
        self._opening = Opening(str(self), self._connect)

    async def request(self, request: Request) -> Packet:
        with self._answers.expect(request) as answer:
            await self._write(request, request.packet)
            return await answer

    async def send(self, request: Request) -> None:
        await self._write(request, without_answer(request.packet))

    async def _write(self, request: Request, packet: Packet) -> None:
        body = body_of(packet, self._muid, self._address.max_frame)
        ends = self._ends or await self._opening.opened()
        request.sent = True
        try:
            key = packet["protocol"]["path"][0].encode()
            await ends.producer.send_and_wait(self._address.requests, body, key=key)
        except FAILURES as error:
            failure = lost(self._address, error)
            request.sent = failure.sent
            raise failure from None

    async def _connect(self) -> Ends:
        producer = await self._address.producer()
        answers = AIOKafkaConsumer(
            self._address.answers, bootstrap_servers=self._address.bootstrap, auto_offset_reset="latest"
        )
        try:
            await producer.partitions_for(self._address.answers)  # which makes the topic, if there is none yet
            await answers.start()
            await answers.seek_to_end()
            for partition in answers.assignment():
                await answers.position(partition)  # from here on no answer is missed
        except BaseException as error:
            await asyncio.gather(stop(answers), stop(producer))
            if isinstance(error, FAILURES):
                raise failed(self._address, error) from None
            raise
        self._ends = Ends(producer, answers, asyncio.get_running_loop().create_task(self._read(answers)))
        return self._ends

    async def _read(self, answers: AIOKafkaConsumer) -> None:
        async for record in answers:
            self._answers.arrived(record.value)

    @property
    def available(self) -> bool:
        return self._opening.available

    async def close(self) -> None:
        """What waits for an answer ends with `Closed`, what is in the topic stays there."""
        self._answers.close(str(self))
        await self._opening.close()
        ends, self._ends = self._ends, None
        if ends is not None:
            await cancelled(ends.reader)
            await asyncio.gather(stop(ends.answers), stop(ends.producer))

    def __str__(self) -> str:
        return str(self._address)
