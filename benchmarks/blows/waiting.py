"""Waits for what is to come, not for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE = 120.0  # seconds; most takes few, a killed event service's messages 15, but others may use the machine, too


async def until_none(left: Callable[[], Awaitable[object]], what: str) -> None:
    """Look again and again, until nothing is left. Raises TimeoutError, which says what is."""
    deadline = time.monotonic() + PATIENCE
    while found := await left():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}, {PATIENCE:g} s later: {found}")
        await asyncio.sleep(0.05)
