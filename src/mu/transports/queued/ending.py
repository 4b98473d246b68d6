"""The end of a consumer: what is in hand gets some time."""

import asyncio
from collections.abc import Callable


async def wait_while(busy: Callable[[], object], changed: asyncio.Event, until: float) -> None:
    """Return when it is not busy any more, at the time `until` (of the event loop's clock) at the latest.

    `changed` is set whenever it may have become idle.
    """
    loop = asyncio.get_running_loop()
    while busy() and (left := until - loop.time()) > 0:
        changed.clear()
        try:
            async with asyncio.timeout(left):
                await changed.wait()
        except TimeoutError:
            break
