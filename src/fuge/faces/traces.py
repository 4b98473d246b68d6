"""`fuge traces`: the newest traces that services have sent, or one of them as a tree of its spans."""

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from fuge.errors import FugeError
from fuge.faces import tables
from fuge.faces.arguments import UsageError, count, seconds
from fuge.faces.printable import printable
from fuge.faces.session import Session
from fuge.plan.faults import one_of

MANY = 20
SHORT_ID = 16  # of 32 digits
LONGEST_TEXT = 60  # characters of a span's name in a table
NOT_ENABLED = "traces are not kept: set traces_enabled: true in fuge_global to have them"
NONE_YET = "there is no trace yet: services send them by OpenTelemetry, to where `fuge env SERVICE` says"
NONE_SUCH = "no trace is like that; `fuge traces` shows the newest of all"


def traces_options(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="the spans of this trace; the start of its id is enough")
    parser.add_argument("--last", action="store_true", help="the spans of the newest one")
    parser.add_argument("--service", metavar="SERVICE", default="", help="only those that a service has a part in")
    parser.add_argument("--slow", metavar="TIME", type=seconds, default=0.0, help="only those of 200ms, 1.5s, or more")
    parser.add_argument("--errors", action="store_true", help="only those with an error")
    parser.add_argument("--limit", metavar="N", type=count, default=MANY, help=f"at most so many; default: {MANY}")


async def traces(session: Session, options: Namespace) -> None:
    from fuge.engine.traces import database, reading  # no other command needs them

    file = database.database_file(session.data)
    chosen = {"service": options.service, "slow": options.slow, "errors": options.errors}
    if options.id and (options.last or any(chosen.values())):
        raise UsageError(
            "traces: an ID is that of one trace, so that it goes with no --last, --service, --slow, --errors"
        )
    if options.id:
        found = with_id(file, options.id)
    else:
        found = reading.traces(file, **chosen, limit=1 if options.last else options.limit)
    if options.id or options.last:
        if not found:
            raise FugeError(why_none(session, file))
        spans = reading.spans(file, found[0]["id"])
        from fuge.faces import trace_tree

        session.show(found[0] | {"spans": spans}, trace_tree.text(found[0], spans))
    else:
        session.show(found, table(found, reading.counts(file)["dropped"]) if found else why_none(session, file))


def with_id(file: Path, start: str) -> list[dict[str, Any]]:
    """The trace whose id begins so; none if there are no traces at all. Raises FugeError."""
    from fuge.engine.traces import reading

    if not re.fullmatch("[0-9a-f]{1,32}", start.lower()):
        raise UsageError(f"traces: expected the start of a trace's id, in hexadecimal digits; found {start!r}")
    found = reading.traces(file, start_of_id=start.lower(), limit=3)
    if len(found) > 1:
        ids = one_of([each["id"] for each in found])
        raise FugeError(f"expected the start of one trace's id, found {start!r}, with which several begin: {ids}")
    if not found and reading.traces(file, limit=1):
        raise FugeError(f"no trace has an id that begins with {start!r}; `fuge traces` shows the newest ones")
    return found


def why_none(session: Session, file: Path) -> str:
    from fuge.engine.traces import reading

    if reading.traces(file, limit=1):
        return NONE_SUCH
    return NONE_YET if session.system.traces_enabled else NOT_ENABLED


def table(found: list[dict[str, Any]], dropped: int) -> str:
    headings = ["id", "when", "root", "services", "spans", "duration", "errors"]
    drawn = tables.table(headings, list(map(cells, found)), ["red" if each["errors"] else "" for each in found])
    return f"{drawn}\n{dropped} spans were dropped since the first run, and are in no trace" if dropped else drawn


def cells(trace: dict[str, Any]) -> list[str]:
    return [
        trace["id"][:SHORT_ID],
        tables.clock(trace["start"]),
        shown(f"{trace['service']}: {trace['name']}"),
        shown(", ".join(trace["services"])),
        str(trace["spans"]),
        f"{milliseconds(trace['duration'])} ms",
        str(trace["errors"] or ""),
    ]


def milliseconds(time: float) -> str:
    return f"{time * 1000:.1f}"


def shown(text: str) -> str:
    """What a service has sent, as one short line that steers no terminal."""
    line = printable(text[: LONGEST_TEXT + 1], in_colour=False).replace("\t", " ")
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"
