"""A message on its way in: from the transport that received it to a handler, or to the transport that takes it on."""

import asyncio
import logging
import time
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING

from mu import packet as packets
from mu.deadlines import Deadlines, Watch
from mu.errors import Closed, DeadlineExceeded, MuError, ServiceError, TTLExpired, of_handler, text_of
from mu.handlers import Context, Handler, current
from mu.patterns import Entry
from mu.traces import with_hop
from mu.transport import Client, Packet, Reply, Request

if TYPE_CHECKING:
    from mu.observer import Observed, Observer

log = logging.getLogger("mu")


def remaining(protocol: Packet, default: float) -> float:
    """Seconds that the sender still waits. Its clock counts, which is ours on one machine, and nearly so elsewhere."""
    deadline = protocol.get("deadline")
    if type(deadline) is not int:
        return default
    try:
        return min(default, deadline / 1000 - time.time())
    except OverflowError:  # a peer may send a number that no float can hold
        return default if deadline > 0 else 0.0


@dataclass
class House:
    """What all messages of one Mu share."""

    deadlines: Deadlines
    counts: dict[str, int]
    dev: bool
    name: str
    observer: "Observer | None" = None


class Incoming:
    """A job for the workers: run the target with the packet, and reply exactly once."""

    __slots__ = ("_began", "_context", "_entry", "_house", "_observed", "_reply", "_target", "_watch")

    def __init__(self, entry: Entry[Handler | Client], context: Context, reply: Reply, house: House) -> None:
        self._entry, self._context, self._reply, self._house = entry, context, reply, house
        self._target = entry.target
        self._began = time.time() if "hops" in context.packet["protocol"] else None
        self._watch: Watch | None = None
        self._observed: Observed | None = None

    async def run(self) -> None:
        packet, observer = self._context.packet, self._house.observer
        token = current.set(self._context)
        if observer is not None:
            self._observed = observer.received(self._entry, self._context.traceparent)
        try:
            if isinstance(self._target, Handler):
                result = self._target.call(packet["pattern"], self._context)
                if self._target.waits or isawaitable(result):
                    result = await result
                answer = packets.response(packet, result)
            else:
                answer = await self._relay(self._target, packet)
        except asyncio.CancelledError:
            answer = self._refusal(self._cancelled())
        except MuError as error:
            if error.unexpected:
                self._log(error)
            answer = self._refusal(error if isinstance(self._target, Client) else of_handler(error))
        except BaseException as error:
            self._log(error)
            answer = self._refusal(error)
            if isinstance(error, KeyboardInterrupt):
                self._end(answer)
                raise
        finally:
            current.reset(token)
            if self._watch:
                self._watch.stop()
        self._end(answer)

    def _end(self, answer: Packet) -> None:
        try:
            self._answer(answer)
        finally:
            if self._observed is not None:
                self._observed.end()

    def waits(self, task: "asyncio.Task[None]") -> None:
        self._watch = self._house.deadlines.watch(self._context.deadline, task)

    def give_up(self) -> None:
        self._answer(self._refusal(Closed("this service is shutting down, and has not begun with the message")))

    async def _relay(self, client: Client, packet: Packet) -> Packet:
        if packet["protocol"]["ttl"] <= 0:
            raise TTLExpired(
                f"the message has passed {len(packet['protocol']['path']) - 1} processes, and may pass no other: "
                "do the routes of some of them form a circle?"
            )
        traceparent = None if self._observed is None else self._observed.traceparent
        answer = await client.request(Request(packets.relayed(packet, traceparent), self._context.deadline))
        asked = packet["protocol"]
        return {**answer, "protocol": {**asked, **answer["protocol"], "path": asked["path"]}}

    def _cancelled(self) -> MuError:
        if self._watch and self._watch.expired:
            return DeadlineExceeded("the handler took longer than the caller waits, and was cancelled")
        task = asyncio.current_task()
        if task and not task.cancelling():
            return ServiceError("the handler cancelled itself")
        return Closed("this service shut down before the handler had ended", sent=True)

    def _log(self, error: BaseException) -> None:
        """The only place where all of it is told, if not in development."""
        kind = getattr(error, "unexpected", "") or type(error).__name__
        dev = self._house.dev
        log.warning("handler %s failed: %s: %s", self._target, kind, text_of(error), exc_info=error if dev else None)

    def _refusal(self, error: BaseException) -> Packet:
        self._house.counts["failed"] += 1
        if self._observed is not None:
            self._observed.fail(error)
        return packets.refusal(self._context.packet, error, dev=self._house.dev)

    def _answer(self, answer: Packet) -> None:
        self._house.counts["handled"] += 1
        if self._began is not None:
            answer = with_hop(answer, self._house.name, str(self._target), self._began)
        try:
            self._reply(answer)
        except MuError as error:  # the result is too large, or not JSON
            refuse(self._reply, self._refusal(error))


def refuse(reply: Reply, refusal: Packet) -> None:
    """Tell the sender, whose own words about the way of its message may leave no room for any answer."""
    try:
        reply(refusal)
    except MuError as error:
        log.warning("a message cannot be answered: %s", error)
        reply(packets.without_way(refusal))
