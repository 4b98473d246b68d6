"""The metrics that the page shows of a service: its routes with how they do, and what is under way in it."""

from typing import Any

from fuge.faces.metrics import why_none
from fuge.faces.session import Session

PARTS = ("instance", "age", "mus", "routes", "durations")


async def of(session: Session, name: str) -> dict[str, Any]:
    """{"found": [...], "reason": text}: of the instance of that name, or if none says so of its service; why there are
    none, if so. Raises FugeError.
    """
    told = await session.call("metrics", name=name)
    known = [each for each in told["services"] if each["instance"] == name] or told["services"]
    found = [{part: each[part] for part in PARTS} for each in known]
    return {"found": found, "reason": "" if found else why_none(told)}
