"""A connection to RabbitMQ with the queues that it is for."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue

from mu.transports.rabbitmq.address import PATIENCE, Address
from mu.transports.rabbitmq.refusals import FAILURES, failed

Arguments = dict[str, Any]
DEAD_KEPT = 100_000  # dead messages; an older one makes room for the next

logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)  # it logs what it raises, each time with a traceback


@dataclass
class Session:
    """`requests`, `again`, `suspects`: the queues to take from."""

    connection: AbstractConnection
    channel: AbstractChannel
    requests: AbstractQueue
    again: AbstractQueue
    suspects: AbstractQueue

    @property
    def usable(self) -> bool:
        return not (self.connection.is_closed or self.channel.is_closed)

    def when_it_ends(self, call: Callable[[], Any]) -> None:
        for each in (self.connection, self.channel):
            each.close_callbacks.add(lambda *_: call())

    async def publish(self, body: bytes, queue: str, *, mandatory: bool = True, **properties: Any) -> None:
        """Returns when the broker has it safely, if it is `mandatory`; else also when there is no such queue."""
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties)
        try:
            await self.channel.default_exchange.publish(message, queue, mandatory=mandatory, timeout=PATIENCE)
        except Exception as error:
            if type(error) is not Exception:
                raise
            raise ConnectionResetError("the connection ended while a message was written") from None  # aiormq says less

    async def close(self) -> None:
        await self.connection.close()


async def open_session(address: Address) -> Session:
    """Raises ConnectFailed, and TransportError if the broker does not let us in or has other queues of these names."""
    connection = None
    try:
        async with asyncio.timeout(2 * PATIENCE):
            connection = await aio_pika.connect(
                host=address.host, port=address.port, timeout=PATIENCE, **address.options
            )
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            return Session(connection, channel, *await declare(channel, address))
    except BaseException as error:
        if connection is not None:
            await connection.close()
        if isinstance(error, FAILURES):
            raise failed(address, error) from None
        raise


async def declare(channel: AbstractChannel, address: Address) -> tuple[AbstractQueue, AbstractQueue, AbstractQueue]:
    """Both ends make the queues, so that neither has to come first."""
    await channel.declare_queue(address.dead, durable=True, arguments={"x-max-length": DEAD_KEPT})
    when_due: Arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": address.again}
    await channel.declare_queue(address.later, durable=True, arguments=when_due)
    bound: Arguments = {"x-max-length": address.max_length, "x-overflow": "reject-publish"}
    return (
        await channel.declare_queue(address.requests, durable=True, arguments=bound),
        await channel.declare_queue(address.again, durable=True),
        await channel.declare_queue(address.suspects, durable=True),
    )
