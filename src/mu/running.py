"""Runs a service until it is told to stop."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from mu.errors import MuError
from mu.observing import observe


def run(main: Coroutine[Any, Any, Any]) -> None:
    """Run the coroutine in a new event loop, on uvloop if that is installed, and `observe` what it does.

    SIGTERM and Ctrl-C cancel it, so that `async with mu` tears down gracefully; the program then ends as one that did
    what it was told. A MuError, such as a taken port, ends it with the message alone and exit code 1.
    """
    observe()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(until_told(main))
        except MuError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            sys.exit(1)


async def until_told(main: Coroutine[Any, Any, Any]) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(main)
    told = asyncio.Event()

    def stop() -> None:
        told.set()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    try:
        await task
    except asyncio.CancelledError:
        if not told.is_set():
            raise


def new_event_loop() -> asyncio.AbstractEventLoop:
    """One of uvloop, if that is installed: for what has to be given one, such as aiohttp's `run_app(loop=...)`."""
    return (loop_factory() or asyncio.new_event_loop)()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
