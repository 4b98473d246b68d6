"""What a face knows of an engine, wherever that is; a command that asks one elsewhere need not load its own."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

Item = dict[str, Any]  # a record or an event, as JSON has it


class Connection(Protocol):
    """A way to an engine: in this process, or in another one by its socket."""

    async def call(self, operation: str, **arguments: Any) -> Any:
        """Do it, and return what comes back. Raises FugeError."""

    def follow(self, begun: Callable[[], object] = ...) -> AsyncIterator[Item]:
        """Every record and event from now on; `begun` is called when now is, so that nothing is missed after it."""
