"""The transports of mu, each with what it needs around it, for tests that are the same for all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mu_brokers import MockKafka, RabbitBroker, RedisBroker

from fuge import ports
from mu import http, kafka, local, rabbitmq, redis, tcp
from mu.transport import Client, Server


class Place:
    """`queue`: the name of the queue, or of whatever it is, that is new for each test."""

    queue = ""

    @property
    def server_code(self) -> str:
        """The same as `server()`, as source, for a process of its own."""
        raise NotImplementedError

    def __init__(self, folder: Path) -> None: ...

    async def start(self) -> None: ...

    def stop(self) -> None: ...

    async def restart(self) -> None:
        """Kill the broker, and start it again."""
        raise NotImplementedError

    def client(self) -> Client:
        raise NotImplementedError

    def server(self, *, few: bool = False) -> Server:
        """`few`: takes no more than a few messages at once, so that there are some for others."""
        raise NotImplementedError


class Local(Place):
    def client(self) -> Client:
        return local.client(name=self.queue)

    def server(self, *, few: bool = False) -> Server:
        return local.server(name=self.queue)


class Connected(Place):
    """tcp or http, at a port."""

    def __init__(self, transport: Any, name: str) -> None:
        self._transport, self._name, self._port = transport, name, ports.free(1)[0]

    @property
    def server_code(self) -> str:
        return f"{self._name}.server(port={self._port})"

    def client(self) -> Client:
        client: Client = self._transport.client(port=self._port)
        return client

    def server(self, *, few: bool = False) -> Server:
        server: Server = self._transport.server(port=self._port)
        return server


class Brokered(Place):
    """With a broker that can be killed, and started again."""

    broker: RedisBroker | RabbitBroker

    async def start(self) -> None:
        await self.broker.start()

    def stop(self) -> None:
        self.broker.kill()

    async def restart(self) -> None:
        await self.broker.restart()


class Redis(Brokered):
    def __init__(self, folder: Path) -> None:
        self.broker = RedisBroker(folder / "redis")

    @property
    def server_code(self) -> str:
        return f"redis.server(port={self.broker.port}, list={self.queue!r}, lease=1)"

    def client(self) -> Client:
        return redis.client(port=self.broker.port, list=self.queue)

    def server(self, *, few: bool = False) -> Server:
        return redis.server(port=self.broker.port, list=self.queue, lease=1, batch=2 if few else 100)


class Rabbit(Brokered):
    def __init__(self, folder: Path) -> None:
        self.broker = RabbitBroker(folder / "rabbitmq")

    @property
    def server_code(self) -> str:
        return f"rabbitmq.server(port={self.broker.port}, queue={self.queue!r})"

    def client(self) -> Client:
        return rabbitmq.client(port=self.broker.port, queue=self.queue)

    def server(self, *, few: bool = False) -> Server:
        return rabbitmq.server(port=self.broker.port, queue=self.queue, prefetch=2 if few else 100)


class Kafka(Place):
    """librdkafka's mock cluster."""

    def __init__(self, folder: Path) -> None:
        self.broker = MockKafka()

    @property
    def server_code(self) -> str:
        return f"kafka.server(port={self.broker.port}, topic={self.queue!r})"

    def client(self) -> Client:
        return kafka.client(port=self.broker.port, topic=self.queue)

    def server(self, *, few: bool = False) -> Server:
        return kafka.server(port=self.broker.port, topic=self.queue)


PLACES: dict[str, Callable[[Path], Place]] = {
    "local": Local,
    "tcp": lambda folder: Connected(tcp, "tcp"),
    "http": lambda folder: Connected(http, "http"),
    "redis": Redis,
    "rabbitmq": Rabbit,
    "kafka-mock": Kafka,
}
