"""Between the event loop and threads of their own, none of which keeps the program from ending."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns, done by a thread. Whoever gives up waiting leaves that to itself."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(settling: Callable[[], None]) -> None:
        if not done.done():
            settling()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            outcome = partial(done.set_exception, error)
        else:
            outcome = partial(done.set_result, result)
        in_loop(loop, settle, outcome)

    threading.Thread(target=run, daemon=True).start()
    return await done


def in_loop(loop: asyncio.AbstractEventLoop, action: Callable[..., object], *arguments: object) -> bool:
    """Have the event loop of another thread do something. Says whether it is still there."""
    try:
        loop.call_soon_threadsafe(action, *arguments)
    except RuntimeError:  # it is closed
        return False
    return True
