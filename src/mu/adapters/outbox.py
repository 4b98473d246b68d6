"""Keeps one-way messages until the other side has taken them: store and forward."""

import asyncio
import logging
import random
from collections import deque
from contextvars import Context
from pathlib import Path
from typing import Any

from mu.adapters.adapter import Adapter, Deliver
from mu.adapters.spool import Spool, shortened
from mu.deadlines import Deadlines
from mu.errors import (
    Closed,
    DeadlineExceeded,
    FrameTooLarge,
    FrameworkError,
    MuError,
    NoRoute,
    Overloaded,
    TransportError,
    TTLExpired,
)
from mu.packet import due_in, result_of
from mu.transport import Batch, Client, Outcome, Packet, Postbox, Request

log = logging.getLogger("mu")

PATIENCE = 10.0  # seconds that an attempt may take, where the sender has not said
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between two attempts; the other side may ask for up to LONGEST_REST
LONGEST_REST = 30.0
HOPELESS = (NoRoute, FrameTooLarge, TTLExpired, FrameworkError)
LATER = {408, 425, 429}  # of the 4xx those that say: the same, but not now
DOWN = {502, 503, 504}  # it is not about this message: those behind it would fare no better


class Entry:
    """A message that is not delivered. `patience`: seconds that an attempt may take. `file`: where it is stored."""

    __slots__ = ("failures", "file", "packet", "patience")

    def __init__(self, packet: Packet, patience: float = PATIENCE, file: Path | None = None) -> None:
        self.packet, self.patience, self.file, self.failures = packet, patience, file, 0


class Outbox(Postbox, Adapter):
    """`outbox(client)`: what is sent waits here, `capacity` messages at most, and is delivered as soon as can be.

    It is tried again, with growing pauses, until the other side has taken it, or has refused it (a status of 4xx, no
    route), which the log tells. A message may thus be handled twice; its receiver knows it by `ctx.id`. Up to `window`
    are under way at once, begun in their order; nobody waits for them, so the first waits `linger` seconds for others,
    since many together cost both sides far less. A full outbox raises `Overloaded`.

    `close` goes on for up to `grace` seconds. What is left then is written to the `folder`, one of its own, and
    delivered first when a process starts with it again; without a folder it is lost, and the log says how much.
    What wants an answer passes straight through.
    """

    def __init__(
        self,
        client: Client,
        capacity: int = 10_000,
        folder: str | Path | None = None,
        window: int = 100,
        grace: float = 2.0,
        linger: float = 0.02,
    ) -> None:
        super().__init__([client])
        if capacity < 1 or window < 1:
            raise ValueError(f"expected a capacity and a window of 1 or more, found {capacity!r} and {window!r}")
        self._capacity, self._window, self._grace, self._linger = capacity, window, grace, linger
        self._spool = Spool(folder) if folder else None
        self._held: dict[Entry, None] = {}  # all that is not delivered, in order
        self._waiting: deque[Entry] = deque()  # those of them that nobody delivers at the moment
        self._under_way = 0
        self._stored: dict[Path, int] = {}  # how many of each file are not delivered
        self._tasks: set[asyncio.Task[None]] = set()  # each delivers some of them
        self._deadlines = Deadlines()
        self._departure: asyncio.Handle | None = None  # of those that wait
        self._failing = self._turned_away = 0
        self._closed = False
        self._end = end_of(client)
        self._load()

    # What comes in ------------------------------------------------------------------------------------------------

    def post(self, request: Request) -> None:
        """Raises Overloaded and Closed."""
        if self._closed:
            raise Closed(f"the outbox for {self._end} is closed")
        if len(self._held) >= self._capacity:
            self._turn_away()
        loop = asyncio.get_running_loop()
        self._add(Entry(request.packet, max(1.0, request.deadline - loop.time())))
        if self._under_way < self._window:
            if len(self._waiting) >= self._window:
                self._depart()
            elif self._departure is None:
                self._departure = loop.call_later(self._linger, self._depart)

    async def around(self, request: Request, deliver: Deliver) -> Any:
        """What wants an answer."""
        return await deliver(self._parts[0], request)

    def _add(self, entry: Entry) -> None:
        self._held[entry] = None
        self._waiting.append(entry)

    def _turn_away(self) -> None:
        self._turned_away += 1
        if self._turned_away == 1:
            log.error("the outbox for %s is full: what is sent from now on is lost", self._end)
        raise Overloaded(f"expected fewer than {self._capacity:,} messages waiting for {self._end}, found as many")

    def _say_turned_away(self) -> None:
        if self._turned_away:
            log.error("the outbox for %s was full: %d messages are lost", self._end, self._turned_away)
            self._turned_away = 0

    # What goes out ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Deliver what was left over from last time."""
        await super().start()
        self._depart()

    def _depart(self) -> None:
        if self._departure:
            self._departure.cancel()
            self._departure = None
        count = min(len(self._waiting), self._window - self._under_way)
        if count:
            self._under_way += count
            entries = [self._waiting.popleft() for _ in range(count)]
            # Not within the message that is being handled at the moment, whose deadline is not theirs
            task = asyncio.get_running_loop().create_task(self._deliver(entries), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _leave_room(self) -> None:
        """One is no longer under way: those that its place was missing for go when this turn of the loop is over."""
        self._under_way -= 1
        if self._waiting and self._departure is None:
            self._departure = asyncio.get_running_loop().call_soon(self._depart)

    async def _deliver(self, entries: list[Entry]) -> None:
        """Until each is done, or waits again."""
        while failed := await self._attempt(entries):
            pause = max(pause_after(entry.failures, error) for entry, error in failed)
            await asyncio.sleep(pause)
            entries = []
            for entry, error in failed:
                if error.status in DOWN:
                    entries.append(entry)
                else:  # behind the others, which may do better
                    self._waiting.append(entry)
                    self._leave_room()
            if not entries:
                return

    async def _attempt(self, entries: list[Entry]) -> list[tuple[Entry, MuError]]:
        """Those that failed, and are to be tried again."""
        failed: list[tuple[Entry, MuError]] = []

        def ended(number: int, outcome: Outcome) -> None:
            error = failure_of(outcome)
            if error is not None and not is_hopeless(error):
                self._note(entries[number], error)
                failed.append((entries[number], error))
                return
            if error is not None:
                pattern = shortened(entries[number].packet["pattern"])
                log.error("%s refused a message: %r: %s", self._end, error, pattern)
            self._done(entries[number])

        patience = min(entry.patience for entry in entries)
        deadline = asyncio.get_running_loop().time() + patience
        batch = Batch([due_in(patience, entry.packet) for entry in entries], deadline, ended)
        watch = self._deadlines.watch(deadline)
        rest: Exception
        try:
            await self._parts[0].send_all(batch)
            return failed
        except asyncio.CancelledError:
            if not watch.ended_it():
                raise
            rest = DeadlineExceeded(f"expected an answer of {self._end} within {patience:g} s, found none")
        except Exception as error:
            rest = error
        finally:
            watch.stop()
        for number in list(batch.left):
            batch.end(number, rest)
        return failed

    def _note(self, entry: Entry, error: MuError) -> None:
        """The log tells of an outage once, and of each message that fails by itself."""
        entry.failures += 1
        if entry.failures > 1:
            return
        self._failing += 1
        if error.status not in DOWN:
            log.warning("%s fails at a message: %r: %s", self._end, error, shortened(entry.packet["pattern"]))
        elif self._failing == 1:
            log.warning("%s takes no messages, they wait: %r", self._end, error)

    def _done(self, entry: Entry) -> None:
        del self._held[entry]
        self._leave_room()
        if entry.failures:
            self._failing -= 1
            if not self._failing:
                log.warning("%s takes messages again, %d wait", self._end, len(self._held))
        if len(self._held) <= self._capacity // 2:
            self._say_turned_away()
        if entry.file:
            self._stored[entry.file] -= 1
            if not self._stored[entry.file]:
                entry.file.unlink(missing_ok=True)

    # The end, and the next beginning ------------------------------------------------------------------------------

    async def close(self) -> None:
        """Deliver what can be delivered within the grace, and store the rest."""
        first, self._closed = not self._closed, True
        self._depart()
        loop = asyncio.get_running_loop()
        until = loop.time() + self._grace
        try:
            while self._tasks and (left := until - loop.time()) > 0:
                await asyncio.wait(self._tasks, timeout=left)
        finally:
            while self._tasks:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks)
            if first:
                self._say_turned_away()
                self._store()
            await super().close()

    def _load(self) -> None:
        for packets, file in self._spool.load() if self._spool else ():
            for packet in packets:
                self._add(Entry(packet, file=file))
            if file:
                self._stored[file] = len(packets)

    def _store(self) -> None:
        rest = [entry for entry in self._held if entry.file is None]  # the others are stored
        if not rest:
            return
        if self._spool is None:
            log.error("the outbox for %s is closed: %d messages are lost", self._end, len(rest))
            return
        try:
            file = self._spool.keep(entry.packet for entry in rest)
        except OSError as error:
            log.error("%d messages for %s are lost, since %s", len(rest), self._end, error)
        else:
            log.warning("%d messages for %s wait in %s for the next start", len(rest), self._end, file)

    @property
    def available(self) -> bool:
        return len(self._held) < self._capacity and super().available

    def stats(self) -> dict[str, float]:
        """Messages that are not delivered yet."""
        return {"outbox": len(self._held)}

    @property
    def _name(self) -> str:
        return "outbox"

    def __str__(self) -> str:
        return f"outbox: {len(self._held):,} waiting"


def end_of(client: Client) -> Client:
    """What is inside the adapters around it; several ends are named by the adapter that holds them."""
    while len(client.parts) == 1:
        client = client.parts[0]
    return client


def failure_of(outcome: Outcome) -> MuError | None:
    if outcome is None or isinstance(outcome, MuError):
        return outcome
    if isinstance(outcome, Exception):
        log.error("a transport failed with an error that is not a MuError", exc_info=outcome)
        return TransportError(repr(outcome))
    try:
        result_of(outcome)
    except MuError as error:
        return error
    return None


def pause_after(failures: int, error: MuError) -> float:
    """Seconds until the next attempt."""
    pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE)
    jitter = random.uniform(0.5, 1.0)  # else all come back at once
    return max(pause * jitter, min(error.retry_after or 0.0, LONGEST_REST))


def is_hopeless(error: MuError) -> bool:
    """Whether it would end like this each time."""
    return isinstance(error, HOPELESS) or (error.status < 500 and error.status not in LATER)


outbox = Outbox
