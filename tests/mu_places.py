"""The transports of mu, each with what it needs around it, for tests that are the same for all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mu_brokers import RedisBroker

from fuge import ports
from mu import http, local, redis, tcp
from mu.transport import Client, Server


class Place:
    """`server_code`: the same as `server()`, as source, for a process of its own."""

    server_code = ""

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
    def __init__(self, folder: Path) -> None:
        self._name = folder.name

    def client(self) -> Client:
        return local.client(name=self._name)

    def server(self, *, few: bool = False) -> Server:
        return local.server(name=self._name)


class Connected(Place):
    """tcp or http, at a port."""

    def __init__(self, transport: Any, name: str) -> None:
        self._transport, self._port = transport, ports.free(1)[0]
        self.server_code = f"{name}.server(port={self._port})"

    def client(self) -> Client:
        client: Client = self._transport.client(port=self._port)
        return client

    def server(self, *, few: bool = False) -> Server:
        server: Server = self._transport.server(port=self._port)
        return server


class Redis(Place):
    def __init__(self, folder: Path) -> None:
        self.broker = RedisBroker(folder / "redis")
        self.server_code = f"redis.server(port={self.broker.port}, list='jobs', lease=1)"

    async def start(self) -> None:
        await self.broker.start()

    def stop(self) -> None:
        self.broker.kill()

    async def restart(self) -> None:
        await self.broker.restart()

    def client(self) -> Client:
        return redis.client(port=self.broker.port, list="jobs")

    def server(self, *, few: bool = False) -> Server:
        return redis.server(port=self.broker.port, list="jobs", lease=1, batch=2 if few else 100)


PLACES: dict[str, Callable[[Path], Place]] = {
    "local": Local,
    "tcp": lambda folder: Connected(tcp, "tcp"),
    "http": lambda folder: Connected(http, "http"),
    "redis": Redis,
}
