"""Spreads messages over several ends that can all handle them."""

import itertools
from collections.abc import Sequence
from typing import Any, Literal, get_args

from mu.adapters.adapter import Adapter, Deliver
from mu.adapters.taking import first_that_takes
from mu.transport import Client, Request

Strategy = Literal["round_robin", "least_pending"]


class Balance(Adapter):
    """`balance([client, client, ...])`: each message goes to one of them, in turn or to the one with the least to do.

    The `strategy` says which: "round_robin" or "least_pending".
    Ends that are not available are left out, as long as others are. A message that an end did not take goes to the
    next, until each was asked once; one that may have been handled is never sent again. Raises what the last end said.
    """

    def __init__(self, clients: Sequence[Client], strategy: Strategy = "round_robin") -> None:
        super().__init__(clients)
        if not self._parts:
            raise ValueError("expected at least one client to balance between, found none")
        if strategy not in get_args(Strategy):
            raise ValueError(f"expected a strategy out of {', '.join(get_args(Strategy))}, found {strategy!r}")
        self._strategy = strategy
        self._turns = itertools.count()
        self._pending = [0] * len(self._parts)

    async def around(self, request: Request, deliver: Deliver) -> Any:
        return await first_that_takes(self._ends(), lambda end: self._through(end, request, deliver))

    async def _through(self, end: int, request: Request, deliver: Deliver) -> Any:
        self._pending[end] += 1
        try:
            return await deliver(self._parts[end], request)
        finally:
            self._pending[end] -= 1

    def _ends(self) -> list[int]:
        """The numbers of those to ask, in this order. Where several have as little to do, they take turns."""
        every = range(len(self._parts))
        ends = [end for end in every if self._parts[end].available] or list(every)
        turn = next(self._turns) % len(ends)
        ends = ends[turn:] + ends[:turn]
        if self._strategy == "least_pending":
            ends.sort(key=self._pending.__getitem__)
        return ends

    def __str__(self) -> str:
        return f"balance of {len(self._parts)}"


balance = Balance
