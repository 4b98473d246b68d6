"""What tests of mu share: packets, clients by hand, and waiting."""

import asyncio
from collections.abc import Callable
from typing import Any

from mu import packet as packets
from mu.errors import MuError
from mu.transport import Client, Packet, Reply, Request


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until it holds; raises TimeoutError if it does not come to that."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.005)


def packet(message: dict[str, Any] | None = None, id: str = "1") -> Packet:
    protocol = {"path": [id], "trace": [id], "ttl": 10, "deadline": 2**41}
    return {"pattern": {"a": 1} if message is None else message, "protocol": protocol}


def request(message: dict[str, Any] | None = None, seconds: float = 5.0, id: str = "1") -> Request:
    return Request(packet(message, id), asyncio.get_running_loop().time() + seconds)


def refused(error: MuError) -> Packet:
    """The answer of another process that reports the error."""
    return packets.refusal(packet(), error)


class Fake(Client):
    """Does the next of its steps at each request, the last one again and again.

    A step is an error to raise, an answer to give (a packet or a result), or an event to wait for before the answer.
    """

    def __init__(self, *steps: Any, name: str = "fake") -> None:
        self.steps, self.name = list(steps) or ["ok"], name
        self.up = True
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        self.verbs: list[str] = []
        self.closed = 0
        self.cancelled = 0

    async def request(self, request: Request) -> Packet:
        self.verbs.append("request")
        return await self._do(request)

    async def send(self, request: Request) -> Packet:
        self.verbs.append("send")
        return await self._do(request)

    async def _do(self, request: Request) -> Packet:
        self.requests.append(request)
        self.asked.set()
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        await asyncio.sleep(0)
        if isinstance(step, Exception):
            request.sent = step.sent if isinstance(step, MuError) else True
            raise step
        request.sent = True
        if isinstance(step, asyncio.Event):
            try:
                await step.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if isinstance(step, dict):
            return step
        return packets.response(request.packet, step if isinstance(step, str | int) else "ok")

    async def close(self) -> None:
        self.closed += 1

    @property
    def available(self) -> bool:
        return self.up

    @property
    def count(self) -> int:
        return len(self.requests)

    def __str__(self) -> str:
        return self.name


class Echo:
    """What a server hands its packets to: answers at once, or holds them back until told."""

    def __init__(self, hold: bool = False) -> None:
        self.hold = hold
        self.held: list[tuple[Packet, Reply]] = []
        self._arrived = asyncio.Queue[None]()
        self.count = 0

    def __call__(self, packet: Packet, reply: Reply) -> None:
        self.count += 1
        self._arrived.put_nowait(None)
        if self.hold:
            self.held.append((packet, reply))
        else:
            reply(packets.response(packet, packet["pattern"]))

    async def arrived(self, count: int = 1) -> None:
        """Wait until so many more packets have come."""
        async with asyncio.timeout(5):
            for _ in range(count):
                await self._arrived.get()

    def answer_all(self) -> None:
        held, self.held = self.held, []
        for packet, reply in held:
            reply(packets.response(packet, packet["pattern"]))
