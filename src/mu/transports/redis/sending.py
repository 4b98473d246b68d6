"""The end of a Redis list that sends."""

import asyncio
import contextlib
import uuid
from collections import deque

from mu.cancelling import cancelled
from mu.errors import Closed, FrameTooLarge, MuError, Overloaded, Unencodable
from mu.transport import Batch, Client, Packet, Part, Request
from mu.transports.addresses import port_number
from mu.transports.pauses import pause_after
from mu.transports.queued.answers import Answers
from mu.transports.queued.bodies import body_of
from mu.transports.queued.oneway import without_answer
from mu.transports.redis.keys import Keys
from mu.transports.redis.link import PATIENCE, Address, Link
from mu.transports.redis.scripts import PUSH

MOST_AT_ONCE = 500  # messages of one command
BLOCK = 2  # seconds that Redis may take to say that there is no answer


class Waiting:
    """A message that is to go to Redis. `taken`: done when it is there."""

    __slots__ = ("body", "request", "taken")

    def __init__(self, request: Request, body: bytes, taken: "asyncio.Future[None] | Part") -> None:
        self.request, self.body, self.taken = request, body, taken


class RedisClient(Client):
    """Puts messages into the queue `list` of a Redis; its consumers' answers come back by a list of this client's own.

    Messages of one turn of the event loop go together. With `max_length` messages in the queue those that come more are
    turned away with `Overloaded`. While Redis is away a message fails at once, unsent; `outbox(redis.client(...))`
    keeps it instead. `send` returns when Redis has the message. `username`, `password`, `db`, `ssl` (True for TLS) as
    Redis wants them. `max_frame`: bytes of the largest packet.
    """

    def __init__(
        self,
        *,
        list: str,
        port: int | str = 6379,
        host: str = "127.0.0.1",
        max_length: int = 100_000,
        max_frame: int = 16 << 20,
        username: str | None = None,
        password: str | None = None,
        db: int = 0,
        ssl: bool = False,
    ) -> None:
        if max_length < 1:
            raise ValueError(f"expected a max_length of 1 or more, found {max_length!r}")
        self._keys, self._name = Keys(list), list
        self._max_length, self._max_frame = max_length, max_frame
        self._address = Address(
            host, port_number(port), {"username": username, "password": password, "db": db, "ssl": ssl}
        )
        self._muid = str(uuid.uuid4())
        self._out, self._in = Link(self._address), Link(self._address)
        self._waiting: deque[Waiting] = deque()
        self._answers = Answers()
        self._sender: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def request(self, request: Request) -> Packet:
        with self._answers.expect(request) as answer:
            await self._push(request, request.packet)
            return await answer

    async def send(self, request: Request) -> None:
        await self._push(request, without_answer(request.packet))

    async def send_all(self, batch: Batch) -> None:
        ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for number, packet in list(batch.left.items()):
            try:
                self._add(batch, without_answer(packet), Part(batch, number, ending))
            except (FrameTooLarge, Unencodable) as error:
                batch.end(number, error)
        try:
            if batch.left:
                await ending
        finally:
            ending.cancel()

    async def _push(self, request: Request, packet: Packet) -> None:
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(request, packet, taken)
        await taken

    def _add(self, request: Request, packet: Packet, taken: "asyncio.Future[None] | Part") -> None:
        if self._closed:
            raise Closed(f"the transport to {self} is closed")
        self._waiting.append(Waiting(request, body_of(packet, self._muid, self._max_frame), taken))
        loop = asyncio.get_running_loop()
        if self._sender is None:
            self._sender = loop.create_task(self._send_waiting())
        if self._reader is None:
            self._reader = loop.create_task(self._read())

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                await self._send_some()
        finally:
            self._sender = None

    async def _send_some(self) -> None:
        count = min(len(self._waiting), MOST_AT_ONCE)
        some = [each for each in (self._waiting.popleft() for _ in range(count)) if not each.taken.done()]
        error: MuError | None = None
        taken = 0
        try:
            await self._out.open()
            for each in some:
                each.request.sent = True
            bodies = [each.body for each in some]
            taken = await self._out.run(PUSH, [self._keys.requests], [self._max_length, *bodies])
            error = Overloaded(f"expected fewer than {self._max_length:,} messages in {self}, found that many")
        except MuError as failure:
            error = failure
        except asyncio.CancelledError:
            error = Closed(f"the transport to {self} was closed", sent=True)
            raise
        finally:
            for index, each in enumerate(some):
                self._settle(each, None if index < taken else error)

    def _settle(self, waiting: Waiting, error: MuError | None) -> None:
        if error is not None:
            waiting.request.sent = error.sent
        if waiting.taken.done():
            return
        if error is None:
            waiting.taken.set_result(None)
        else:
            waiting.taken.set_exception(type(error)(error.message, sent=error.sent, retry_after=error.retry_after))

    async def _read(self) -> None:
        """Answers come for as long as this client lives, also those that Node's consumers give to one-way messages."""
        key, failures = self._keys.answers(self._muid), 0
        while True:
            try:
                first = await self._in.call("BRPOP", key, BLOCK, patience=BLOCK + PATIENCE)
                found = first[1:] if first else []
                while found:
                    for body in found:
                        self._answers.arrived(body)
                    found = await self._in.call("RPOP", key, MOST_AT_ONCE)
                failures = 0
            except MuError:  # whoever sends is told
                failures += 1
                await asyncio.sleep(pause_after(failures))

    @property
    def available(self) -> bool:
        return not self._closed and self._out.resting <= 0

    async def close(self) -> None:
        """What waits for an answer ends with `Closed`, what is in the queue stays there."""
        self._closed = True
        await cancelled(self._sender, self._reader)
        while self._waiting:
            self._settle(self._waiting.popleft(), Closed(f"the transport to {self} was closed"))
        self._answers.close(str(self))
        if self._reader:
            with contextlib.suppress(MuError):
                await self._out.call("DEL", self._keys.answers(self._muid), patience=0.5)
        await self._in.close()
        await self._out.close()

    def __str__(self) -> str:
        return f"{self._address} list {self._name}"
