"""The end of tasks that would go on for ever."""

import asyncio
from typing import Any

AGAIN = 5.0  # seconds until a task that goes on is told again: longer than its goodbye to a broker may take


async def cancelled(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel the tasks, and wait until they have ended.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which libraries use, loses a cancellation that comes at the
    moment of the result (python/cpython issue 86296).
    """
    left = {task for task in tasks if task is not None and not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN)
