"""Commands that show what was said and what happened, one record a line: logs, grep, events."""

import json
import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fuge.engine.bus import Event, read_events
from fuge.errors import NotRunningError
from fuge.faces import tables
from fuge.faces.arguments import UsageError, count, some_services
from fuge.faces.printable import printable
from fuge.faces.session import Session, colours
from fuge.services import history
from fuge.services.logs import LogRecord

SHORTEST_ID = 8  # digits of a trace's id: fewer are found in many a number


def logs_options(parser: ArgumentParser) -> None:
    some_services(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="and what comes from now on; Ctrl-C ends it")
    parser.add_argument("--since", metavar="TIME", help="a duration (10m) or a time (05:21, 2026-11-24T05:21)")
    parser.add_argument("--grep", metavar="REGEX", help="only lines in which this is found")
    parser.add_argument("--trace", metavar="ID", help="only lines with this trace id, or an id that begins so")
    parser.add_argument("-C", "--context", metavar="LINES", type=count, default=0, help="and so many around each")
    parser.add_argument("-n", "--last", metavar="LINES", type=count, help="only the last ones")
    parser.add_argument("-t", "--times", action="store_true", help="with the time of each line")
    parser.add_argument("--stderr", action="store_true", help="only what was said on standard error")
    parser.add_argument("--service", metavar="SERVICE", action="append", default=[], help="the same as the word")


async def logs(session: Session, options: Namespace) -> None:
    query = history.Query(
        services=tuple(await speakers(session, [*options.services, *options.service] or ["*"])),
        since=history.parse_since(options.since, time.time()) if options.since else None,
        pattern=compiled(options.grep) if options.grep else None,
        trace=of_trace(options.trace) if options.trace else None,
        context=options.context,
        streams=frozenset({"err"} if options.stderr else {"out", "err"}),
        last=options.last,
    )
    if not options.follow:
        for record in history.read(session.logs, query):
            show_record(session, record, query, options.times)
        return
    async for record in history.follow(session.logs, query):
        show_record(session, record, query, options.times)


def grep_options(parser: ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT")
    some_services(parser)


async def grep(session: Session, options: Namespace) -> int:
    query = history.Query(
        services=tuple(await speakers(session, options.services or ["*"])),
        pattern=re.compile(re.escape(options.text)),
        streams=frozenset({"out", "err"}),
    )
    code = 1
    for record in history.read(session.logs, query):
        show_record(session, record, query)
        code = 0
    return code


async def speakers(session: Session, words: Sequence[str]) -> list[str]:
    """The names of these services, and of replicas that they had once: what was said is kept."""
    names = await session.names(words)
    files = [file for name in names for file in sorted(session.logs.glob(f"{name}.[0-9]*.log"))]
    return list(dict.fromkeys([*names, *(file.stem for file in files)]))


def compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"--grep: expected a regular expression, found {text!r}: {error}") from None


def of_trace(text: str) -> re.Pattern[str]:
    """Finds a trace's id as services write it: alone, or in a traceparent (W3C), between dashes."""
    if not re.fullmatch(f"[0-9a-fA-F]{{{SHORTEST_ID},32}}", text):
        expected = f"a trace's id, or its first {SHORTEST_ID} hexadecimal digits or more"
        raise UsageError(f"--trace: expected {expected}; found {text!r}")
    return re.compile(rf"(?<![0-9a-f]){text}(?=[0-9a-f]{{{32 - len(text)}}}(?![0-9a-f]))", re.IGNORECASE)


def show_record(session: Session, record: LogRecord, query: history.Query, with_time: bool = False) -> None:
    width = max(map(len, query.services))
    mark = "!" if record.stream == "err" else "|"
    time_of_it = f"{tables.clock(record.time)} " if with_time else ""
    text = printable(record.text, colours())
    show_item(session, asdict(record), f"{time_of_it}{record.service:{width}} {mark} {text}")


def events_options(parser: ArgumentParser) -> None:
    some_services(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="and what happens from now on")


async def events(session: Session, options: Namespace) -> None:
    names = set(await speakers(session, options.services)) if options.services else None
    began, shown = time.time(), list[Event]()

    def show_those_kept() -> None:
        for event in read_events(session.logs):
            show_event(session, event, names)
            shown.extend([event] if event["time"] >= began else [])

    if not options.follow:
        show_those_kept()
        return
    try:
        async for item in session.connection.follow(begun=show_those_kept):
            if "event" in item and item not in shown:
                show_event(session, item, names)
    except NotRunningError:
        show_those_kept()
        raise


def show_event(session: Session, event: dict[str, Any], names: set[str] | None) -> None:
    if names is None or event["service"] in names:
        show_item(session, event, tables.event(event))


def show_item(session: Session, item: dict[str, Any], text: str) -> None:
    """One of many: as JSON, each on a line of its own."""
    print(json.dumps(item) if session.json else text, flush=True)
