"""The traces that the page shows: what a request went through, from service to service.

A span is a dictionary with "trace_id", "span_id", "parent_id" ("" for the first), "service", "name", "start" (seconds
since the epoch), "duration" (seconds), "error" (true or false) and "attributes" (a dictionary).
"""

from typing import Any

from fuge.engine.traces import database, reading
from fuge.errors import FugeError
from fuge.faces.session import Session
from fuge.faces.traces import why_none
from fuge.services.threads import in_thread

MANY = 50
MOST_SPANS = 2_000  # of one trace: what a page can show


async def recent(session: Session) -> dict[str, Any]:
    """{"traces": [...], "reason": text}: the newest first; why there are none, if so.

    A trace is a dictionary with "trace_id", "service" and "name" (of its first span), "start" and "duration" (seconds),
    "spans" (how many) and "error". Raises FugeError.
    """
    file = database.database_file(session.data)
    found = await in_thread(lambda: reading.traces(file, limit=MANY))
    return {"traces": list(map(summary, found)), "reason": "" if found else why_none(session, file)}


async def one(session: Session, trace_id: str) -> dict[str, Any]:
    """{"spans": [...], "reason": text}: the spans of one, and whether there are more. Raises FugeError."""
    file = database.database_file(session.data)
    found = await in_thread(lambda: reading.spans(file, trace_id, MOST_SPANS))
    if not found:
        raise FugeError(f"expected the id of a trace that is kept, found {trace_id[:40]!r}: choose one of the list")
    reason = f"the first {MOST_SPANS:,} spans: `fuge traces {trace_id}` has all" if len(found) == MOST_SPANS else ""
    return {"spans": [span(trace_id, each) for each in found], "reason": reason}


def summary(found: reading.Row) -> dict[str, Any]:
    same = {key: found[key] for key in ("service", "name", "start", "duration", "spans")}
    return {"trace_id": found["id"], "error": found["errors"] > 0, **same}


def span(trace_id: str, found: reading.Row) -> dict[str, Any]:
    same = {key: found[key] for key in ("service", "name", "start", "duration", "error")}
    told = {"kind": found["kind"], **({"error": found["message"]} if found["message"] else {})}
    ids = {"trace_id": trace_id, "span_id": found["id"], "parent_id": found["parent"]}
    return {**ids, **same, "attributes": {**told, **found["attributes"]}}
