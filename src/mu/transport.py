"""What every transport and adapter meets: a client takes requests to somewhere, a server brings them in.

A transport only moves packets; an adapter is a client made of clients. To write one, subclass `Client` or `Server`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Packet = dict[str, Any]
"""What travels, as JSON has it: `{"pattern": ..., "protocol": ...}`; an answer has `err` and `response` instead."""

Reply = Callable[[Packet], None]
"""Takes the packet of an answer back to whoever asked. Raises a MuError if it cannot be written."""

Receive = Callable[[Packet, Reply], None]
"""What a server hands each incoming packet to, with the function that takes the answer back to its sender. It never
raises, and calls `reply` once; if it was not the answer of a handler but a refusal, the packet's `err` says so."""


Outcome = Packet | Exception | None
"""Of a packet that was sent: its answer, where there is one, or what went wrong."""


class Request:
    """A packet on its way out. `deadline`: when its sender stops waiting, by the clock of the event loop, in seconds.

    `sent` becomes True at the moment from which the other side may have run it; only the transport that writes it
    knows. An error that ends the request says the same by its own `sent`.
    """

    __slots__ = ("deadline", "packet", "sent")

    def __init__(self, packet: Packet, deadline: float) -> None:
        self.packet, self.deadline, self.sent = packet, deadline, False


class Batch(Request):
    """Packets that leave together, because nobody waits for their results. It costs both sides far less.

    `left`: those whose end is not known, by their numbers. `ended` is told each number with its outcome.
    """

    __slots__ = ("_ended", "left")

    def __init__(self, packets: Sequence[Packet], deadline: float, ended: Callable[[int, Outcome], None]) -> None:
        super().__init__(packets[0], deadline)
        self.left, self._ended = dict(enumerate(packets)), ended

    def end(self, number: int, outcome: Outcome) -> None:
        """A second time it does nothing."""
        if self.left.pop(number, None) is not None:
            self._ended(number, outcome)


class Part:
    """One of a batch, where a transport has a future for each: a result ends the one, a failure all that are left."""

    __slots__ = ("_batch", "_ending", "_number")

    def __init__(self, batch: Batch, number: int, ending: "asyncio.Future[None]") -> None:
        self._batch, self._number, self._ending = batch, number, ending

    def done(self) -> bool:
        return self._number not in self._batch.left or self._ending.done()

    def set_result(self, answer: Packet | None) -> None:
        self._batch.end(self._number, answer)
        if not self._batch.left and not self._ending.done():
            self._ending.set_result(None)

    def set_exception(self, error: BaseException) -> None:
        if not self._ending.done():
            self._ending.set_exception(error)


class Client(ABC):
    """Takes requests to another process, or within this one. All of it happens in one event loop."""

    @abstractmethod
    async def request(self, request: Request) -> Packet:
        """Deliver it, and return the packet of the answer, `{"err": ..., "response": ..., "protocol": {...}}`.

        Raises a MuError if there is none to be had. It need not look at the deadline: whoever waits is cancelled
        then, and so is this. Being cancelled must leave nothing behind.
        """

    async def send(self, request: Request) -> Packet | None:
        """Deliver it without an interest in a result; returns when this process can't lose it any more.

        Where a transport gets an answer all the same, it returns it, for failures to be logged.
        """
        return await self.request(request)

    async def send_all(self, batch: Batch) -> None:
        """Deliver what is left of it, each as `send` does; return when all have ended, or raise the error of the rest.

        Transports to which many cost less than each by itself do better than this.
        """

        async def one(number: int, packet: Packet) -> None:
            outcome: Outcome
            try:
                outcome = await self.send(Request(packet, batch.deadline))
            except Exception as error:
                outcome = error
            batch.end(number, outcome)

        await asyncio.gather(*(one(number, packet) for number, packet in batch.left.items()))

    async def start(self) -> None:  # noqa: B027
        """Called when its Mu starts. One that is added later does without."""

    async def close(self) -> None:  # noqa: B027
        """Let go of everything: connections, tasks. What is still waiting ends with `Closed` or `ConnectionLost`."""

    @property
    def available(self) -> bool:
        """False when it knows that a request would fail now, such as an open breaker; `balance` asks it."""
        return True

    @property
    def parts(self) -> "list[Client]":
        """What an adapter is made of, for the pictures and tables of routes."""
        return []

    @property
    def label(self) -> str:
        """What it is, and is made of, in words that stay the same while it works; `str` may tell its state as well."""
        return str(self)

    def stats(self) -> Mapping[str, float]:
        """What can be counted of it now, such as {"outbox": 3}; nothing of most. Metrics have it of mu's adapters."""
        return {}

    def __str__(self) -> str:
        return type(self).__name__


def described(client: Client) -> str:
    """Its name and, for an adapter, in parentheses what it is made of: `retry: 3 attempts (tcp 127.0.0.1:8080)`."""
    parts = ", ".join(map(described, client.parts))
    return f"{client} ({parts})" if parts else str(client)


class Postbox(Client):
    """A client that takes messages without an answer off their sender's hands at once, and delivers them by itself."""

    @abstractmethod
    def post(self, request: Request) -> None:
        """Take the message. Raises a MuError if it can't."""

    async def send(self, request: Request) -> None:
        self.post(request)


class Server(ABC):
    """Brings in what others send."""

    @abstractmethod
    async def start(self, receive: Receive) -> None:
        """Open for others. Raises TransportError if that cannot be, such as a port that is taken."""

    @abstractmethod
    async def close(self, grace: float) -> None:
        """Take nothing new, wait up to `grace` seconds until what is under way is answered, then close."""

    def __str__(self) -> str:
        return type(self).__name__
