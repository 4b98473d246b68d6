"""What a program holds at a moment, and what it says when something of it is lost: for soak.py."""

import asyncio
import gc
import logging
import sys
import warnings
from typing import Any

import psutil

from mu import Mu, Request


def held(*mus: Mu) -> dict[str, int]:
    """What must be no more than before, once nothing is under way."""
    gc.collect()
    under_way = ("waiting", "handling", "sending")
    return {
        "entries in tables": sum(mu.stats()[key] for mu in mus for key in under_way),
        "requests": sum(type(each) is Request for each in gc.get_objects()),
        "tasks": len(asyncio.all_tasks()),
        "sockets": len(psutil.Process().net_connections()),
    }


async def more_than(before: dict[str, int], *mus: Mu, patience: float = 2.0) -> list[str]:
    """What is held beyond that; sockets take a moment until the system has closed them."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    while True:
        more = [f"{count - before[what]} {what} left" for what, count in held(*mus).items() if count > before[what]]
        if not more or loop.time() > until:
            return more
        await asyncio.sleep(0.05)


def memory() -> float:
    """MB of this process, without garbage."""
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6


class Complaints(logging.Handler):
    """Collects what Python, asyncio and mu complain of: lost exceptions, what was not closed, logged errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        logging.getLogger().addHandler(self)
        logging.getLogger("mu").setLevel(logging.ERROR)  # that a connection was lost is no news here
        warnings.simplefilter("error", ResourceWarning)
        sys.unraisablehook = self._unraisable

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(f"logged: {record.getMessage()}")

    def _unraisable(self, unraisable: Any) -> None:
        self.found.append(f"{unraisable.err_msg or 'lost exception'}: {unraisable.exc_value!r}")
