"""The event service's business: what an event is, and how they are summed up. It knows no queue."""

import time
from typing import Any

from events import Events, Unavailable

__all__ = ["Unavailable", "events", "record", "summary"]

LONGEST = 10_000  # characters; no browser sends a longer address
LATEST = 253_402_300_799_999  # the end of the year 9999

events = Events("mongo")


async def record(id: str, kind: Any, url: Any, ts: Any = None) -> None:
    """Add an event, unless there is one of that id. `ts`: when it was, in milliseconds since 1970.

    Raises ValueError and Unavailable.
    """
    await events.add(
        {
            "_id": id,
            "ts": time.time() * 1000 if ts is None else moment("ts", ts),
            "type": text("type", kind),
            "url": text("url", url),
        }
    )


async def summary() -> list[dict[str, Any]]:
    """How often each page was loaded, the most frequent first: {"url": ..., "count": ...}. Raises Unavailable."""
    return await events.by_url()


def text(name: str, value: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable():
        return value
    raise ValueError(f"{name}: expected a printable text of 1 to {LONGEST:,} characters, found {value!r:.60}")


def moment(name: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST:
        return value
    raise ValueError(f"{name}: expected milliseconds since 1970, found {value!r:.60}")
