"""The end of a Redis list that receives."""

from mu.transport import Receive, Server
from mu.transports.addresses import port_number
from mu.transports.redis.consumer import Consumer
from mu.transports.redis.keys import Keys
from mu.transports.redis.link import Address


class RedisServer(Server):
    """Handles the messages in the queue `list` of a Redis, each at least once; handlers know one again by `ctx.id`.

    Several share a queue. Each takes up to `batch` messages at once, and they leave Redis only when they are handled;
    when it has not renewed its `lease`, in seconds, the others handle them. A message with which a consumer has died
    `max_deliveries` times goes to the list `<list>_dead`, with the reason. So does a one-way message whose handler has
    failed, unless with a status that says "later" (408, 425, 429, 502, 503, 504): that is delivered again. While Redis
    is away the server waits for it. The rest as for `client`.
    """

    def __init__(
        self,
        *,
        list: str,
        port: int | str = 6379,
        host: str = "127.0.0.1",
        batch: int = 100,
        max_deliveries: int = 5,
        lease: float = 15.0,
        max_frame: int = 16 << 20,
        username: str | None = None,
        password: str | None = None,
        db: int = 0,
        ssl: bool = False,
    ) -> None:
        if not 1 <= batch <= 1000 or max_deliveries < 1 or lease <= 0:
            raise ValueError(
                "expected a batch of 1 to 1000, max_deliveries of 1 or more and a lease above 0 s, "
                f"found {batch!r}, {max_deliveries!r} and {lease!r}"
            )
        self._keys, self._name = Keys(list), list
        self._batch, self._max_deliveries, self._lease, self._max_frame = batch, max_deliveries, lease, max_frame
        self._address = Address(
            host, port_number(port), {"username": username, "password": password, "db": db, "ssl": ssl}
        )
        self._consumer: Consumer | None = None

    async def start(self, receive: Receive) -> None:
        """Raises TransportError for a wrong password; a Redis that is away is waited for."""
        consumer = Consumer(
            self._address, self._keys, receive, self._batch, self._max_deliveries, self._lease, self._max_frame
        )
        await consumer.start()
        self._consumer = consumer

    async def close(self, grace: float) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer:
            await consumer.close(grace)

    def __str__(self) -> str:
        return f"{self._address} list {self._name}"
