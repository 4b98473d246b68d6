"""Sends to the endpoints that DNS knows at the moment."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from concordant import Endpoint
from mu.adapters.adapter import Deliver, WholeAdapter
from mu.adapters.dns_lookup import Lookup
from mu.adapters.taking import first_that_takes
from mu.errors import ConnectFailed, MuError
from mu.transport import Client, Request

REST = 1.0  # seconds for which an endpoint that could not be reached is left out, as long as there are others


class Place:
    """An endpoint and the client for it, which is closed when the endpoint has gone and the last answer is there."""

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self.endpoint, self.client = endpoint, client
        self.credit = self._pending = 0
        self._resting_until = 0.0
        self._gone: Callable[[], None] | None = None

    @property
    def share(self) -> int:
        """Its part of the messages. Without a weight it is a very small one (RFC 2782)."""
        return 100 * self.endpoint.weight or 1

    @property
    def available(self) -> bool:
        return self.client.available and asyncio.get_running_loop().time() >= self._resting_until

    async def through(self, request: Request, deliver: Deliver) -> Any:
        self._pending += 1
        try:
            return await deliver(self.client, request)
        except ConnectFailed as error:
            if not error.remote:
                self._resting_until = asyncio.get_running_loop().time() + REST
            raise
        finally:
            self._pending -= 1
            self._end_if_idle()

    def retire(self, gone: Callable[[], None]) -> None:
        """Call `gone` when nothing is under way."""
        self._gone = gone
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._gone is not None and not self._pending:
            gone, self._gone = self._gone, None
            gone()


class DnsClient(WholeAdapter):
    """The lowest priority that DNS tells is used first, endpoints of the same one in turn, the heavier more often.

    What cannot be reached is left out for a moment, and DNS is asked again.
    """

    def __init__(self, name: str, port: int | None, interval: float | None, make: Callable[..., Client]) -> None:
        super().__init__([])
        self._make = make
        self._lookup = Lookup(name, port, interval, self._changed)
        self._places: list[Place] = []
        self._drained: set[Place] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def around(self, request: Request, deliver: Deliver) -> Any:
        while True:
            self._lookup.begin()
            if not self._lookup.known:
                await self._lookup.first(request.deadline)
            places = self._places
            try:
                return await first_that_takes(in_order(places), lambda place: place.through(request, deliver))
            except MuError as error:
                if not error.retryable:
                    raise
                if places is self._places and isinstance(error, ConnectFailed) and not error.remote:
                    await self._lookup.again(request.deadline)
                if places is self._places:
                    raise

    def _changed(self, found: list[Endpoint]) -> None:
        before = {(place.endpoint.host, place.endpoint.port): place for place in self._places}
        places = []
        for endpoint in found:
            place = before.pop((endpoint.host, endpoint.port), None) or self._place(endpoint)
            place.endpoint = endpoint  # its priority or weight may be another now
            places.append(place)
        if before or len(places) > len(self._places):
            self._places = places
        for place in before.values():
            self._drained.add(place)
            place.retire(partial(self._close_soon, place))

    def _place(self, endpoint: Endpoint) -> Place:
        return Place(endpoint, self._make(host=endpoint.host, port=endpoint.port))

    def _close_soon(self, place: Place) -> None:
        self._drained.discard(place)
        task = asyncio.get_running_loop().create_task(place.client.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def start(self) -> None:
        """Ask DNS already. That it does not answer is no reason not to start."""
        self._lookup.begin()

    async def close(self) -> None:
        await self._lookup.close()
        self._parts = [place.client for place in [*self._places, *self._drained]]
        await super().close()
        if self._closing:
            await asyncio.wait(self._closing)

    @property
    def available(self) -> bool:
        return any(place.available for place in self._places) if self._places else self._lookup.problem is None

    @property
    def parts(self) -> list[Client]:
        return [place.client for place in self._places]

    def stats(self) -> dict[str, float]:
        """Lookups since the beginning; endpoints that are known, and those that have gone but have yet to answer."""
        return {
            "lookups": self._lookup.count,
            "lookups failed": self._lookup.failed,
            "endpoints": len(self._places),
            "draining": len(self._drained),
        }


def in_order(places: Sequence[Place]) -> list[Place]:
    """The one whose turn it is, then the others. Turns are dealt as weights say: smooth weighted round robin."""
    if len(places) == 1:  # as most often: there is nothing to choose
        return list(places)
    usable = [place for place in places if place.available] or list(places)
    first = min(place.endpoint.priority for place in usable)
    equals = [place for place in usable if place.endpoint.priority == first]
    for place in equals:
        place.credit += place.share
    chosen = max(equals, key=lambda place: place.credit)
    chosen.credit -= sum(place.share for place in equals)
    others = [place for place in usable if place is not chosen]
    return [chosen, *sorted(others, key=lambda place: (place.endpoint.priority, -place.credit))]
