"""Turns messages away rather than let them pile up: load shedding."""

from typing import Any

from mu.adapters.adapter import Adapter, Deliver
from mu.errors import Overloaded
from mu.transport import Client, Request


class Shed(Adapter):
    """`shed(client)`: while `max_pending` messages are under way, each further one ends with `Overloaded` at once."""

    def __init__(self, client: Client, max_pending: int = 100) -> None:
        super().__init__([client])
        if max_pending < 1:
            raise ValueError(f"expected at least one message that may be under way, found {max_pending!r}")
        self._max_pending, self._pending = max_pending, 0

    @property
    def available(self) -> bool:
        return self._pending < self._max_pending and super().available

    async def around(self, request: Request, deliver: Deliver) -> Any:
        if self._pending >= self._max_pending:
            raise Overloaded(
                f"expected fewer than {self._max_pending:,} messages under way to {self._parts[0]}, found that many"
            )
        self._pending += 1
        try:
            return await deliver(self._parts[0], request)
        finally:
            self._pending -= 1

    def stats(self) -> dict[str, float]:
        """Messages that are under way."""
        return {"shed": self._pending}

    @property
    def _name(self) -> str:
        return "shed"

    def __str__(self) -> str:
        return f"shed: {self._pending} of {self._max_pending} pending"


shed = Shed
