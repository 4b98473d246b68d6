"""What runs for a service, be it a process or a container."""

import asyncio
from typing import Protocol


class Backend(Protocol):
    """`pid` is that of its first process, 0 if it cannot be seen from here; `how` says by what it was started.

    `started` is in seconds since the epoch; `ended` gets the exit code (negative: the signal that ended it), or
    NoEngineError when the engine is gone that ran it.
    """

    pid: int
    how: str
    started: float
    ended: asyncio.Future[int]

    async def wait(self) -> int:
        """The exit code, once it has ended and its last lines have been passed on."""

    async def stop(self, number: int, grace: float) -> bool:
        """Send a signal; after `grace` seconds kill what is left. Says whether it ended by itself."""
