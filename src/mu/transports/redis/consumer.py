"""Takes messages from a queue, and gives them to whoever handles them; none is lost on the way."""

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Sequence

from mu.cancelling import cancelled
from mu.codec import encode
from mu.errors import MuError
from mu.transport import Packet, Receive
from mu.transports.pauses import pause_after
from mu.transports.queued.bodies import answer_body, dead_letter, packet_of
from mu.transports.queued.ending import wait_while
from mu.transports.queued.fate import Fate, Verdict, after_a_bad_end, is_suspect, verdict_on
from mu.transports.queued.oneway import wants_no_answer
from mu.transports.redis.keys import Keys
from mu.transports.redis.life import LAST_WORDS, Life
from mu.transports.redis.link import PATIENCE, Address, Link
from mu.transports.redis.scripts import TAKE
from mu.transports.redis.settling import Settlement, Settling

log = logging.getLogger("mu.redis")
LINGER = 0.02  # seconds for which messages that nobody waits for may gather: many at once cost far less
AT_THE_START = 1.0  # seconds for which others, such as health checks, wait for a Redis that hangs
BLOCK = 1.0  # seconds for which Redis is asked to wait for a message


class Delivery:
    """A message that was taken, and its answer. `taken`: as it is in the work list."""

    __slots__ = ("_consumer", "packet", "taken")

    def __init__(self, consumer: "Consumer", taken: bytes, packet: Packet) -> None:
        self._consumer, self.taken, self.packet = consumer, taken, packet

    def reply(self, answer: Packet) -> None:
        self._consumer.answered(self, answer)


class Consumer:
    """One that takes up to `batch` messages at once into a list of its own, where they stay until they are settled.

    What a dead one had in work goes to the front of the queue. It may be what has ended that consumer, so it is
    delivered alone: if it ends another, it is known to be the one, and no other message is blamed for it.
    """

    def __init__(
        self,
        address: Address,
        keys: Keys,
        receive: Receive,
        batch: int,
        max_deliveries: int,
        lease: float,
        max_frame: int,
    ) -> None:
        self._keys, self._receive, self._batch = keys, receive, batch
        self._max_deliveries, self._lease, self._max_frame = max_deliveries, lease, max_frame
        self._name, self._address = str(uuid.uuid4()), address
        self._work = keys.work(self._name)
        self._link, outgoing = Link(address), Link(address)
        self._life = Life(Link(address), keys, self._name, lease)
        self._links = (self._link, self._life.link, outgoing)
        self._hand: dict[Delivery, None] = {}  # what is being handled, in order
        self._free = asyncio.Event()  # set whenever there may be fewer in work than before
        self._settling = Settling(outgoing, self._work, keys, self._free.set)
        self._alone = False  # whether the next message may have ended a consumer
        self._uncertain = False  # whether Redis may have given something that did not arrive here
        self._next_look = 0.0
        self._consuming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises TransportError if Redis does not let us in; if it is not there, it is waited for in the background."""
        try:
            async with asyncio.timeout(AT_THE_START):
                await self._life.renew()
        except (MuError, TimeoutError) as error:
            if isinstance(error, MuError) and not error.temporary:
                await self._close_links()
                raise
            log.warning(
                "%s is not to be had yet: %s", self._address, str(error) or f"no answer within {AT_THE_START:g} s"
            )
        self._consuming = asyncio.get_running_loop().create_task(self._consume())
        self._life.go_on()

    # What comes ---------------------------------------------------------------------------------------------------

    async def _consume(self) -> None:
        failures = 0
        while True:
            try:
                await self._turn()
                if failures:
                    log.warning("%s is back", self._address)
                failures = 0
            except MuError as error:
                self._uncertain = True
                failures += 1
                if failures == 1:
                    log.warning("cannot take messages: %s", error)
                await asyncio.sleep(pause_after(failures))

    async def _turn(self) -> None:
        if self._uncertain:
            await self._find_again()
        if (now := asyncio.get_running_loop().time()) >= self._next_look:
            await self._adopt()
            self._next_look = now + self._lease / 3
        room = await self._room()
        taken, next_due = await self._take(room)
        if taken:
            nobody_waits = self._begin(taken)
            if nobody_waits and len(taken) < room:
                await asyncio.sleep(LINGER)
            return
        pause = min(BLOCK, float(next_due) / 1000 - time.time()) if next_due else BLOCK
        await self._wait_for_more(max(0.01, pause))

    async def _room(self) -> int:
        """How many may be taken; waits until it is one at least."""
        while (held := len(self._hand) + len(self._settling)) >= (1 if self._alone else self._batch):
            self._free.clear()
            await self._free.wait()
        return 1 if self._alone else self._batch - held

    async def _take(self, count: int) -> tuple[list[bytes], bytes]:
        names, keys = self._name, self._keys
        places = [keys.requests, keys.later, self._work, keys.lease(names), keys.consumers]
        lease = int(self._lease * 1000)
        taken, next_due = await self._link.run(TAKE, places, [count, int(time.time() * 1000), lease, names])
        return taken, next_due

    async def _wait_for_more(self, seconds: float) -> None:
        """Moves the first message to where it is: that waits for one, and takes nothing that could then get lost."""
        queue = self._keys.requests
        await self._link.call("BLMOVE", queue, queue, "RIGHT", "RIGHT", seconds, patience=seconds + PATIENCE)

    async def _find_again(self) -> None:
        """A connection that was lost may have had messages on it, which are in the work list and nowhere else."""
        known = Counter([*(delivery.taken for delivery in self._hand), *self._settling.taken])
        found = Counter(await self._link.call("LRANGE", self._work, 0, -1))
        self._uncertain = False
        self._begin(list((found - known).elements()))

    async def _adopt(self) -> None:
        orphans = await self._life.orphans()
        if orphans:
            log.warning("a consumer of %s has died with %d messages in work: they go back", self._address, len(orphans))
        for taken in orphans:
            packet = packet_of(taken)
            if isinstance(packet, str):
                self._bury(taken, packet)
                continue
            verdict = after_a_bad_end(packet, "its consumer died", self._max_deliveries)
            if verdict.packet is None:
                self._bury(taken, verdict.reason)
            else:
                self._settling.add(Settlement("back", taken, encoded(verdict)))

    def _begin(self, taken: Sequence[bytes]) -> bool:
        """Give each to its handler; but one that may end this process only when there is no other here.

        Returns whether nobody waits for an answer to any of them.
        """
        self._alone, nobody_waits = False, True
        for index, each in enumerate(taken):
            packet = packet_of(each)
            if isinstance(packet, str):
                self._bury(each, packet)
                continue
            if is_suspect(packet):
                self._alone = True
                if len(self._hand) + len(self._settling):
                    self._give_back(taken[index:])
                    break
            delivery = Delivery(self, each, packet)
            self._hand[delivery] = None
            nobody_waits = nobody_waits and wants_no_answer(packet)
            self._receive(packet, delivery.reply)
            if self._alone:
                self._give_back(taken[index + 1 :])
                break
        return nobody_waits

    def _give_back(self, taken: Sequence[bytes]) -> None:
        for each in reversed(taken):
            self._settling.add(Settlement("back", each, each))

    # What goes ----------------------------------------------------------------------------------------------------

    def answered(self, delivery: Delivery, answer: Packet) -> None:
        """Raises a MuError if the answer cannot be written. A second answer, or one after the end, is dropped."""
        if delivery not in self._hand:
            return
        packet, taken = delivery.packet, delivery.taken
        verdict = verdict_on(packet, answer, self._max_deliveries)
        if verdict.fate is Fate.ANSWER:
            where = self._keys.answers(packet["protocol"]["path"][-1])
            settlement = Settlement("answer", taken, answer_body(answer, self._name, self._max_frame), where)
        elif verdict.fate is Fate.LATER:
            log.warning("a message is delivered again in %.2f s: %s", verdict.pause, verdict.reason)
            due = int((time.time() + verdict.pause) * 1000)
            settlement = Settlement("later", taken, encoded(verdict), due)
        elif verdict.fate is Fate.DEAD:
            log.error("a message is dead, see %s: %s", self._keys.dead, verdict.reason)
            settlement = Settlement("dead", taken, dead_letter(taken, verdict.reason))
        else:
            settlement = Settlement(verdict.fate.value, taken, taken)
        del self._hand[delivery]
        self._settling.add(settlement)
        self._free.set()

    def _bury(self, taken: bytes, reason: str) -> None:
        log.error("a message is dead, see %s: %s", self._keys.dead, reason)
        self._settling.add(Settlement("dead", taken, dead_letter(taken, reason)))

    # The end ------------------------------------------------------------------------------------------------------

    async def close(self, grace: float) -> None:
        """Take no more; settle what is answered within the grace, and hand back the rest."""
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        await cancelled(self._consuming)
        await wait_while(lambda: self._hand, self._free, until)
        if self._hand:
            log.warning("%d messages were not handled within %g s: they go back", len(self._hand), grace)
            self._hand.clear()
        await self._settling.close(max(LAST_WORDS, until - loop.time()))
        await self._life.end()
        await self._close_links()

    async def _close_links(self) -> None:
        for link in self._links:
            await link.close()


def encoded(verdict: Verdict) -> bytes:
    assert verdict.packet is not None
    return encode(verdict.packet)
