"""That a consumer lives, as the others of its queue see it."""

import asyncio
import logging

from mu.cancelling import cancelled
from mu.errors import MuError
from mu.transports.pauses import pause_after
from mu.transports.redis.keys import Keys
from mu.transports.redis.link import Link
from mu.transports.redis.scripts import ADOPT, LEAVE, LIVE

log = logging.getLogger("mu.redis")
LAST_WORDS = 1.0  # seconds at the end for handing back what was taken


class Life:
    """A lease of so many seconds, renewed all the time. When one has run out, others take over what was in work.

    Its connection is its own: a lease must not run out because something else is waited for.
    """

    def __init__(self, link: Link, keys: Keys, name: str, lease: float) -> None:
        self.link = link
        self._keys, self._name, self._lease = keys, name, lease
        self._work = keys.work(name)
        self._beating: asyncio.Task[None] | None = None

    def go_on(self) -> None:
        """In a task of its own: a handler may take long."""
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self) -> None:
        failures = 0
        while True:
            await asyncio.sleep(pause_after(failures) if failures else self._lease / 4)
            try:
                await self.renew()
                failures = 0
            except MuError:  # the task that consumes tells of it
                failures += 1

    async def renew(self) -> None:
        """Raises a MuError if Redis can't be told."""
        keys = [self._keys.lease(self._name), self._keys.consumers]
        await self.link.run(LIVE, keys, [int(self._lease * 1000), self._name])

    async def orphans(self) -> list[bytes]:
        """What consumers that have died had in work, and this one has now. Raises a MuError."""
        keys = [self._keys.consumers, self._work]
        found: list[bytes] = await self.link.run(ADOPT, keys, [self._keys.works, self._keys.leases, self._name])
        return found

    async def end(self) -> None:
        """What is still in work goes back to the queue."""
        await cancelled(self._beating)
        keys = [self._work, self._keys.requests, self._keys.lease(self._name), self._keys.consumers]
        for again in (True, False):  # the connection may have broken since it was last used
            try:
                await self.link.run(LEAVE, keys, [self._name], patience=LAST_WORDS)
                return
            except MuError as error:
                if not again:
                    log.warning("what is in work goes back when the lease of %g s is over: %s", self._lease, error)
