"""Which of several ends takes a message."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from mu.errors import MuError

End = TypeVar("End")


async def first_that_takes(ends: Sequence[End], ask: Callable[[End], Awaitable[Any]]) -> Any:
    """Ask one after the other, each once; go on only if nobody has run the message. Raises what the last one said."""
    *others, last = ends
    for end in others:
        try:
            return await ask(end)
        except MuError as error:
            if not error.retryable:
                raise
    return await ask(last)
