"""What is asked of the database, as plain data; whether fuge runs or not does not matter."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fuge.engine.traces.database import OtherVersionError, check_version, is_empty, is_unusable
from fuge.errors import FugeError

MOST = 1_000_000  # traces in an answer; there never are so many
BILLION = 1_000_000_000  # nanoseconds in a second
SUMMARY = 'SELECT id, start, "end", spans, errors FROM traces'
CHOSEN = """
WHERE (? = '' OR EXISTS (SELECT 1 FROM spans WHERE trace = traces.id AND service = ?))
    AND "end" - start >= ? AND (errors > 0 OR NOT ?)
ORDER BY start DESC, id LIMIT ?
"""
FIRST = "SELECT name, service FROM spans WHERE trace = ? ORDER BY parent != '', start, id LIMIT 1"
SERVICES = "SELECT service FROM spans WHERE trace = ? GROUP BY service ORDER BY min(start), service"
SPANS = """
SELECT id, parent, service, name, kind, start, duration, error, message, details FROM spans
WHERE trace = ? ORDER BY start, id LIMIT ?
"""
Row = dict[str, Any]


def traces(
    file: Path, service: str = "", slow: float = 0, errors: bool = False, limit: int = 20, start_of_id: str = ""
) -> list[Row]:
    """The newest traces of a database, the newest first: those with a span of `service`, that took `slow` seconds or
    more, with `errors` only those with one, whose id begins so; as far as these are given.

    Each is a dictionary with "id" (hexadecimal), "start" (seconds since the epoch), "duration" (seconds, from the
    start of its first span to the end of its last one), "name" and "service" of its root, or if that has not come
    of its first span, "services" (by the order of their first spans), and how many "spans" and "errors" it has.
    Empty if there is no database yet. Raises FugeError for one that cannot be read.
    """
    with reading(file) as connection:
        if connection is None:
            return []
        query, values = f"{SUMMARY} {CHOSEN}", [service, service, int(slow * BILLION), errors, min(limit, MOST)]
        if start_of_id:
            query = f"SELECT * FROM ({SUMMARY} WHERE id >= ? AND id < ?) AS traces {CHOSEN}"  # noqa: S608
            values = [start_of_id, f"{start_of_id}g", *values]
        return [summary(connection, *row) for row in connection.execute(query, values).fetchall()]


def spans(file: Path, trace: str, limit: int = -1) -> list[Row]:
    """The spans of the trace with that id, by their start, `limit` at most; none if it is not there.

    Each is a dictionary with "id" and "parent" (hexadecimal, "" for none), "service", "name", "kind" ("server",
    "client", ...), "start" (seconds since the epoch), "offset" (seconds since the start of the trace), "duration"
    (seconds), "error" (true or false), "message" (of the error), "attributes", "events" and "links". Raises
    FugeError for a database that cannot be read.
    """
    with reading(file) as connection:
        rows = connection.execute(SPANS, (trace, limit)).fetchall() if connection else []
    began = min((row[5] for row in rows), default=0)
    return [span(began, *row) for row in rows]


def counts(file: Path) -> dict[str, int]:
    """How many spans were "stored", those included that had to go since, and how many "dropped", in all runs.

    Raises FugeError for a database that cannot be read.
    """
    with reading(file) as connection:
        found = dict(connection.execute("SELECT name, value FROM counts").fetchall()) if connection else {}
    return {"stored": 0, "dropped": 0} | found


def summary(connection: sqlite3.Connection, trace: str, start: int, end: int, count: int, errors: int) -> Row:
    name, service = connection.execute(FIRST, (trace,)).fetchone() or ("", "")
    services = [each for (each,) in connection.execute(SERVICES, (trace,))]
    return {
        "id": trace,
        "start": start / BILLION,
        "duration": (end - start) / BILLION,
        "name": name,
        "service": service,
        "services": services,
        "spans": count,
        "errors": errors,
    }


def span(
    began: int,
    number: str,
    parent: str,
    service: str,
    name: str,
    kind: str,
    start: int,
    duration: int,
    error: int,
    message: str,
    details: str,
) -> Row:
    return {
        "id": number,
        "parent": parent,
        "service": service,
        "name": name,
        "kind": kind,
        "start": start / BILLION,
        "offset": (start - began) / BILLION,
        "duration": duration / BILLION,
        "error": bool(error),
        "message": message,
        **({"attributes": {}, "events": [], "links": []} | (json.loads(details) if details else {})),
    }


@contextlib.contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection | None]:
    """The database, as it was when it is first read; None if there is none yet."""
    if not file.exists():
        yield None
        return
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")
            if is_empty(connection):
                yield None
            else:
                check_version(connection)
                yield connection
    except (sqlite3.Error, OtherVersionError) as error:
        if not is_unusable(error):
            raise FugeError(f"cannot read {file}: {error}") from None
        advice = "the next fuge that keeps traces puts it aside"
        raise FugeError(f"expected fuge's traces in {file}, found something else ({error}): {advice}") from None
