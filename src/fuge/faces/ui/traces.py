"""The traces that the page shows: what a request went through, from service to service.

A span is a dictionary with "trace_id", "span_id", "parent_id" ("" for the first), "service", "name", "start" (seconds
since the epoch), "duration" (seconds), "error" (true or false) and "attributes" (a dictionary).
"""

from typing import Any

from fuge.faces.session import Session

NONE = "traces are not kept yet"


async def recent(_: Session) -> dict[str, Any]:
    """{"traces": [...], "reason": text}: the newest first; why there are none, if so.

    A trace is a dictionary with "trace_id", "service" and "name" (of its first span), "start" and "duration" (seconds),
    "spans" (how many) and "error". Raises FugeError.
    """
    return {"traces": [], "reason": NONE}


async def one(_: Session, trace_id: str) -> dict[str, Any]:
    """{"spans": [...], "reason": text}: all spans of one. Raises FugeError."""
    return {"spans": [], "reason": f"{NONE}, and so is not {trace_id}"}
