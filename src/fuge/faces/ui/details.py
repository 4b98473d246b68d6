"""What the page tells of one service when it is asked for it."""

from collections import deque
from pathlib import Path
from typing import Any

from fuge.engine.bus import read_events
from fuge.faces.session import Session
from fuge.services.threads import in_thread

EVENTS = 30  # the last ones
PARTS = ("name", "type", "run", "directory", "start", "status", "reason", "pid", "engine", "ports", "environment")


async def of(session: Session, name: str) -> dict[str, Any]:
    """Its command, folder and environment, why it is as it is, its DNS records and last events. Raises FugeError."""
    info = await session.call("info", name=name)
    zone = await session.call("zone", name=name)
    return {
        **{part: info[part] for part in PARTS},
        "why": await session.call("why", name=name),
        "zone": zone,
        "events": await in_thread(lambda: last_events(session.logs, name)),
    }


def last_events(logs: Path, name: str) -> list[dict[str, Any]]:
    """Of a service, oldest first."""
    found = (event for event in read_events(logs) if event["service"] == name and event["text"])
    return list(deque(found, maxlen=EVENTS))
