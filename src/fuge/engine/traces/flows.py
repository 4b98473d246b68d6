"""Who has sent something to whom lately, as traces tell it."""

import time
from pathlib import Path
from typing import Any

from fuge.engine.traces.reading import BILLION, reading

WINDOW = 10.0  # seconds that are looked back
BETWEEN = """
SELECT parent.service, child.service, NULL, count(*), sum(child.error)
FROM spans AS child JOIN spans AS parent ON parent.trace = child.trace AND parent.id = child.parent
WHERE child.trace IN (SELECT id FROM traces WHERE start >= ?) AND child.service != parent.service
GROUP BY parent.service, child.service
"""
TO_PORTS = """
SELECT service, NULL, coalesce(
    json_extract(told, '$.attributes."server.port"'), json_extract(told, '$.attributes."net.peer.port"')
) AS port, count(*), sum(error)
FROM (SELECT service, error, nullif(details, '') AS told FROM spans
    WHERE trace IN (SELECT id FROM traces WHERE start >= ?) AND kind = 'client')
WHERE port IS NOT NULL
GROUP BY service, port
"""


def flows(file: Path, now: float | None = None) -> list[dict[str, Any]]:
    """What went between services within traces that began in the last WINDOW seconds before `now` (since the epoch).

    Each is a dictionary with "from" and "to", the names of services, "rate" (messages a second) and "errors" (how
    many). Where what was asked tells no traces itself, such as a database, "to" is None and "port" its port. Raises
    FugeError for a database that cannot be read.
    """
    since = int(((time.time() if now is None else now) - WINDOW) * BILLION)
    with reading(file) as connection:
        if connection is None:
            return []
        rows = [*connection.execute(BETWEEN, (since,)), *connection.execute(TO_PORTS, (since,))]
    return [
        {"from": sender, "to": receiver, "port": port, "rate": count / WINDOW, "errors": errors}
        for sender, receiver, port, count, errors in rows
    ]
