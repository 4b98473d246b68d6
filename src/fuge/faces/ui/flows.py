"""What flows between the services of the picture at the moment."""

from collections.abc import Iterable, Mapping
from typing import Any

from fuge.engine.traces import database, flows
from fuge.errors import FugeError
from fuge.faces.session import Session


def recent(session: Session, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Dictionaries with "from" and "to" (names of services), "rate" (a second) and "errors"; none without traces."""
    by_port = {port: row["service"] for row in rows for port in row["ports"].values()}
    try:
        found = flows.flows(database.database_file(session.data))
    except FugeError:  # the list of traces tells why
        return []
    direct = {(flow["from"], flow["to"]) for flow in found}  # of which both sides tell
    return [
        {"from": flow["from"], "to": to, "rate": flow["rate"], "errors": flow["errors"]}
        for flow in found
        if (to := flow["to"] or by_port.get(flow["port"])) and (flow["to"] or (flow["from"], to) not in direct)
    ]
