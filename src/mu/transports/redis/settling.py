"""Tells Redis what has become of the messages that a consumer has taken."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mu.cancelling import cancelled
from mu.errors import MuError
from mu.transports.pauses import pause_after
from mu.transports.redis.keys import Keys
from mu.transports.redis.link import Link
from mu.transports.redis.scripts import SETTLE

log = logging.getLogger("mu.redis")
MOST_AT_ONCE = 500  # messages of one command
DEAD_KEPT = 100_000  # dead messages; an older one makes room for the next
ANSWERS_KEPT = 3600  # seconds


@dataclass
class Settlement:
    """`act`: done, answer, back, later or dead. `taken`: the message as it is in the work list. See SETTLE."""

    act: str
    taken: bytes
    text: bytes = b""
    place: str | float = ""


class Settling:
    """Collects settlements, and makes those of one turn at one stroke; what Redis can't take now it gets later."""

    def __init__(self, link: Link, work: str, keys: Keys, settled: Callable[[], None]) -> None:
        self._link, self._settled = link, settled
        self._keys = [work, keys.requests, keys.later, keys.dead]
        self._waiting: deque[Settlement] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, settlement: Settlement) -> None:
        self._waiting.append(settlement)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def taken(self) -> list[bytes]:
        """The messages that are not settled, as they were taken."""
        return [settlement.taken for settlement in self._waiting]

    async def _work(self) -> None:
        failures = 0
        while self._waiting:
            some = [self._waiting[index] for index in range(min(len(self._waiting), MOST_AT_ONCE))]
            try:
                await self._settle(some)
            except MuError as error:
                failures += 1
                if failures == 1:
                    log.warning("what is handled cannot be settled yet: %s", error)
                await asyncio.sleep(pause_after(failures))
                continue
            failures = 0
            for _ in some:
                self._waiting.popleft()
            self._settled()
        self._task = None

    async def _settle(self, some: list[Settlement]) -> None:
        words: list[bytes | str | float] = [DEAD_KEPT, ANSWERS_KEPT]
        for each in some:
            words += (each.act, each.taken, each.text, each.place)
        await self._link.run(SETTLE, self._keys, words)

    async def close(self, seconds: float) -> None:
        """Give it so long to settle the rest. What is left then is delivered again, by Redis' memory of it."""
        if self._task:
            await asyncio.wait([self._task], timeout=seconds)
        if self._task:
            log.warning("%d messages could not be settled, and will be delivered again", len(self._waiting))
            await cancelled(self._task)
