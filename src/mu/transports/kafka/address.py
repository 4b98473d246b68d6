"""Where a Kafka is, what its topics are called, and what can be wrong with it."""

from dataclasses import dataclass

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, MessageSizeTooLargeError  # type: ignore[import-untyped]

from mu.errors import ConnectFailed, ConnectionLost, FrameTooLarge, MuError

PATIENCE = 5.0  # seconds for an answer of the broker
FAILURES = (KafkaError, OSError)


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    topic: str
    max_frame: int

    @property
    def requests(self) -> str:
        return f"{self.topic}_req"

    @property
    def answers(self) -> str:
        return f"{self.topic}_res"

    @property
    def dead(self) -> str:
        return f"{self.topic}_dead"

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.port}"

    async def producer(self) -> AIOKafkaProducer:
        """One that has connected. What it sends is confirmed by all replicas. Raises ConnectFailed."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            request_timeout_ms=int(PATIENCE * 1000),
            acks="all",
            max_request_size=self.max_frame + 10_000,
        )
        try:
            await producer.start()
        except BaseException as error:
            await producer.stop()
            if isinstance(error, FAILURES):
                raise failed(self, error) from None
            raise
        return producer

    def __str__(self) -> str:
        return f"kafka {self.host}:{self.port} topic {self.topic}"


def failed(address: Address, error: BaseException) -> MuError:
    """For what went wrong before a message was sent."""
    return ConnectFailed(f"cannot connect to {address}: {str(error) or type(error).__name__}")


def lost(address: Address, error: BaseException) -> MuError:
    """For what went wrong with a message on its way."""
    if isinstance(error, MessageSizeTooLargeError):
        return FrameTooLarge(f"{address} takes no message of that size: {error}")
    return ConnectionLost(f"{address} has not confirmed the message: {str(error) or type(error).__name__}")
