"""The audit's business: what an entry is, and which are shown. Who asks, and by which way, it does not know."""

import time
from typing import Any

from entries import Entries, Unavailable

__all__ = ["Unavailable", "append", "entries", "latest"]

SHOWN = 10
LONGEST = 250  # characters; two numbers of 100 digits and what is between them are fewer
LARGEST = 2**53 - 1  # a larger result comes as text
LATEST = 253_402_300_799_999  # the end of the year 9999

entries = Entries("mongo")


async def append(id: Any, calc: Any, result: Any, ts: Any = None) -> None:
    """Add an entry, unless there is one of that id. `ts`: when it was calculated, in milliseconds since 1970.

    Raises ValueError and Unavailable.
    """
    await entries.add(
        {
            "_id": text("id", id),
            "ts": time.time() * 1000 if ts is None else moment("ts", ts),
            "calc": text("calc", calc),
            "result": whole_number("calcResult", result) if isinstance(result, int) else text("calcResult", result),
        }
    )


async def latest() -> list[dict[str, Any]]:
    """The newest entry first. Raises Unavailable."""
    return await entries.newest(SHOWN)


def text(name: str, value: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable():
        return value
    raise ValueError(f"{name}: expected a printable text of 1 to {LONGEST} characters, found {shown(value)}")


def whole_number(name: str, value: Any) -> int:
    if abs(value) <= LARGEST and not isinstance(value, bool):
        return value
    raise ValueError(f"{name}: expected a whole number of at most {LARGEST}, or a larger one as text")


def moment(name: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST:
        return value
    raise ValueError(f"{name}: expected milliseconds since 1970, found {shown(value)}")


def shown(value: Any) -> str:
    found = repr(value)
    return found if len(found) <= 60 else f"{found[:60]}... ({len(found)} characters)"
