"""A connection to RabbitMQ with the queues that it is for, and what can be wrong with it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelPreconditionFailed,
    DeliveryError,
    ProbableAuthenticationError,
)

from mu.errors import ConnectFailed, ConnectionLost, MuError, Overloaded, TransportError

PATIENCE = 5.0  # seconds for an answer of the broker; one that has just started may not give any
DEAD_KEPT = 100_000  # dead messages; an older one makes room for the next
FAILURES = (AMQPError, OSError, RuntimeError)  # RuntimeError: of a channel that is closed
REFUSED = (AuthenticationError, ProbableAuthenticationError)
REFUSALS = ("ACCESS_REFUSED", "NOT_ALLOWED")  # as the broker says it of a queue and of a vhost


@dataclass(frozen=True)
class Address:
    """Where a RabbitMQ is, who we are to it, and which queue is meant."""

    host: str
    port: int
    queue: str
    max_length: int
    options: dict[str, Any]  # login, password, virtualhost, ssl

    @property
    def requests(self) -> str:
        return f"{self.queue}_req"

    @property
    def later(self) -> str:
        return f"{self.queue}_later"

    @property
    def dead(self) -> str:
        return f"{self.queue}_dead"

    def __str__(self) -> str:
        return f"rabbitmq {self.host}:{self.port} queue {self.queue}"


@dataclass
class Session:
    connection: AbstractConnection
    channel: AbstractChannel
    requests: AbstractQueue

    @property
    def usable(self) -> bool:
        return not (self.connection.is_closed or self.channel.is_closed)

    async def publish(self, body: bytes, queue: str, *, mandatory: bool = True, **properties: Any) -> None:
        """Returns when the broker has it safely, if it is `mandatory`; else also when there is no such queue."""
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **properties)
        await self.channel.default_exchange.publish(message, queue, mandatory=mandatory, timeout=PATIENCE)


async def open_session(address: Address) -> Session:
    """Raises ConnectFailed, and TransportError if the broker does not let us in or has other queues of these names."""
    connection = None
    try:
        async with asyncio.timeout(2 * PATIENCE):
            connection = await aio_pika.connect(
                host=address.host, port=address.port, timeout=PATIENCE, **address.options
            )
            channel = await connection.channel(publisher_confirms=True)
            return Session(connection, channel, await declare(channel, address))
    except BaseException as error:
        if connection is not None:
            await connection.close()
        if isinstance(error, FAILURES):
            raise failed(address, error) from None
        raise


async def declare(channel: AbstractChannel, address: Address) -> AbstractQueue:
    """Both ends make the queues, so that neither has to come first."""
    await channel.declare_queue(address.dead, durable=True, arguments={"x-max-length": DEAD_KEPT})
    back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": address.requests}
    await channel.declare_queue(address.later, durable=True, arguments={**back})
    return await channel.declare_queue(
        address.requests,
        durable=True,
        arguments={
            "x-max-length": address.max_length,
            "x-overflow": "reject-publish",
        },
    )


def failed(address: Address, error: BaseException) -> MuError:
    """For what went wrong before a message was sent."""
    if isinstance(error, REFUSED) or any(word in str(error) for word in REFUSALS):
        return TransportError(f"{address} refused us: {error}: see username=, password= and vhost=", sent=False)
    if isinstance(error, ChannelPreconditionFailed):
        return TransportError(f"{address} has a queue of that name with other settings: {error}", sent=False)
    if isinstance(error, TimeoutError):
        return ConnectFailed(f"cannot connect to {address}: no answer within {PATIENCE:g} s")
    return ConnectFailed(f"cannot connect to {address}: {error or type(error).__name__}")


def lost(address: Address, error: BaseException) -> MuError:
    """For what went wrong with a message on its way."""
    if isinstance(error, DeliveryError):
        return Overloaded(f"expected fewer than {address.max_length:,} messages in {address}, found that many")
    return ConnectionLost(f"{address} was lost before it had confirmed: {error or type(error).__name__}")
