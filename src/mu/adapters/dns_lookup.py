"""What DNS says of a name, kept fresh: one task asks for all who need it."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from contextvars import Context

import concordant
from concordant import ConcordantError, Endpoint, NoSuchName, NoSuchRecord
from concordant.naming import port_variable
from mu.cancelling import cancelled
from mu.errors import Closed, ConnectFailed

log = logging.getLogger("mu.dns")

PATIENCE = 2.0  # seconds for one lookup
SOONEST = 1.0  # seconds from one lookup to the next, at least; and at most after one that failed
LONGEST = 60.0  # seconds, whatever the TTL
MARGIN = 0.1  # before a deadline, to tell what went wrong while there is somebody to tell it to: seconds, or that part


async def find(name: str, port: int | None) -> list[Endpoint]:
    """The endpoints of a port's name. Raises ConcordantError."""
    found = await concordant.resolve(name, port=port, timeout=PATIENCE)
    if any(endpoint.port is None for endpoint in found):
        advice = f"give it, dns(port=...), or set {port_variable(name)}"
        raise NoSuchRecord(f"expected DNS to tell the port of {name}, found addresses alone: {advice}")
    return found


class Lookup:
    """Asks again when the TTL is over, or each `interval` seconds, and tells `changed` what it has found.

    When DNS fails the last answer stands, and the next lookup follows a second later. That a name is unknown is an
    answer too: then there are no endpoints.
    """

    def __init__(
        self, name: str, port: int | None, interval: float | None, changed: Callable[[list[Endpoint]], None]
    ) -> None:
        self.name, self._port, self._interval, self._changed = name, port, interval, changed
        self.known = False  # whether there are endpoints
        self.problem: Exception | None = None  # of the latest lookup
        self.count = self.failed = 0
        self._closed = self._asking = False
        self._began = 0.0
        self._sooner = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next: asyncio.Future[None]  # ends with the lookup under way, or else with the next

    def begin(self) -> None:
        """Raises Closed."""
        if self._closed:
            raise Closed(f"the transport to {self.name} is closed")
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            # Not within the message that is being handled at the moment, which would be kept with it
            self._task = loop.create_task(self._keep(), context=Context())

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._began, self._asking = loop.time(), True
            pause = await self._ask()
            self._asking = False
            ended, self._next = self._next, loop.create_future()
            ended.set_result(None)
            self._sooner.clear()
            await asyncio.sleep(self._began + SOONEST - loop.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._began + pause):
                    await self._sooner.wait()

    async def _ask(self) -> float:
        """Seconds until the next lookup, from the beginning of this one."""
        self.count += 1
        try:
            found = await find(self.name, self._port)
        except (ConcordantError, OSError) as error:
            self._note(error)
            if isinstance(error, NoSuchName | NoSuchRecord):
                self._take([])
            return SOONEST
        if self.problem is not None:
            log.info("%s is found again", self.name)
            self.problem = None
        self._take(found)
        return self._interval or min(LONGEST, *(endpoint.ttl for endpoint in found))

    def _note(self, error: Exception) -> None:
        self.failed += 1
        if str(error) != str(self.problem):
            log.warning("%s is not found%s: %s", self.name, ", its last answer stands" if self.known else "", error)
        self.problem = error

    def _take(self, found: list[Endpoint]) -> None:
        self.known = bool(found)
        self._changed(found)

    # For those who need it ----------------------------------------------------------------------------------------

    async def first(self, deadline: float) -> None:
        """Wait until endpoints are known, if this is the first lookup. Raises ConnectFailed if there are none."""
        if not self.known and self.problem is None:
            await self._ended(deadline)
        if self._closed:
            raise Closed(f"the transport to {self.name} was closed")
        if not self.known:
            raise ConnectFailed(f"{self.name} is not found: {self.problem or self._silence()}", retry_after=self._rest)

    async def again(self, deadline: float) -> None:
        """Ask DNS sooner than planned, and wait for its answer; but do not wait if it was asked just now."""
        self._sooner.set()
        if self._asking or self._rest <= 0:
            await self._ended(deadline)

    async def _ended(self, deadline: float) -> None:
        left = deadline - asyncio.get_running_loop().time()
        await asyncio.wait([self._next], timeout=max(0.0, left - min(MARGIN, MARGIN * left)))

    @property
    def _rest(self) -> float:
        return max(0.0, self._began + SOONEST - asyncio.get_running_loop().time())

    def _silence(self) -> str:
        host, port = os.environ.get("DNS_HOST"), os.environ.get("DNS_PORT") or "53053"
        asked = f"{host}:{port} (DNS_HOST)" if host else "the system's DNS"
        return f"expected an answer of {asked} within the time allowed for the message, found none so far"

    async def close(self) -> None:
        self._closed = True
        if self._task:
            await cancelled(self._task)
            if not self._next.done():
                self._next.set_result(None)
