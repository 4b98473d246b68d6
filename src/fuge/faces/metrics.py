"""`fuge metrics`: the routes of services with how they do, and all that they measure."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from fuge.faces import tables
from fuge.faces.printable import printable
from fuge.faces.session import Session
from fuge.faces.traces import milliseconds, shown

HEADINGS = ("service", "kind", "pattern", "leads to", "calls", "per s", "errors", "p50 ms", "p99 ms", "state")
NUMBERS = range(4, 9)  # which of these
MANY = 1e15  # of which all digits are too many
STALE = 15.0  # seconds without a word, after which it is said: the exporters that fuge sets up send each second
NOT_ENABLED = "metrics are not kept: set traces_enabled: true in fuge_global to have them"
NONE_YET = (
    "there are no metrics yet: services send them by OpenTelemetry, to where `fuge env SERVICE` says; "
    "one that uses mu does so if the extra otel is installed"
)
Row = Mapping[str, Any]


def metrics_options(parser: ArgumentParser) -> None:
    parser.add_argument("service", nargs="?", metavar="SERVICE", default="", help="of one service; default: all")
    parser.add_argument("--all", action="store_true", help="all that is measured, as it was sent")


async def metrics(session: Session, options: Namespace) -> None:
    told = await session.call("metrics", name=options.service)
    services = told["services"]
    session.show(services, text(services, told["dropped"], options.all) if services else why_none(told))


def why_none(told: Row) -> str:
    return NONE_YET if told["enabled"] else NOT_ENABLED


def text(services: Iterable[Row], dropped: int, everything: bool = False) -> str:
    parts = [all_series(services) if everything else timed(services), *about(services)]
    if dropped:
        parts.append(f"{dropped} measurements were dropped: there was no room for more series")
    return "\n".join(part for part in parts if part)


def timed(services: Iterable[Row]) -> str:
    """A row for each route, and for what else is timed; red where something failed lately."""
    rows, styles = [], []
    for service in services:
        for row in service["routes"]:
            place = [who(service, row["at"]), row["kind"], row["pattern"], row["target"]]
            rows.append([*map(shown, place), *figures(row), shown(states(row["adapters"]))])
            styles.append("red" if row["error_rate"] else "")
        for row in service["durations"]:
            place = [who(service), row["name"], attributes(row), ""]
            rows.append([*map(shown, place), *figures(row), ""])
            styles.append("red" if row["error_rate"] else "")
    return tables.table(HEADINGS, tables.aligned(rows, NUMBERS), styles) if rows else ""


def all_series(services: Iterable[Row]) -> str:
    rows = [
        [*map(whole, (who(service), row["name"], attributes(row))), value(row), whole(row["unit"]), often(row["rate"])]
        for service in services
        for row in service["series"]
    ]
    return tables.table(["service", "name", "attributes", "value", "unit", "per s"], tables.aligned(rows, (3, 5)))


def whole(text: str) -> str:
    return printable(text, in_colour=False).replace("\t", " ")


def about(services: Iterable[Row]) -> Iterable[str]:
    """A line for each Mu, and for whom nothing was heard of for a while."""
    for service in services:
        for mu in service["mus"]:
            counts = ", ".join(f"{mu[word]} {word}" for word in ("waiting", "handling", "sending", "lost"))
            late = f"event loop {milliseconds(mu['lag'] or 0)} ms late at most"
            yield f"{shown(who(service, mu['at']))}: {counts}, {late}"
        if service["age"] > STALE:
            yield f"{shown(who(service))}: last heard of {tables.duration(service['age'])} ago"


def who(service: Row, at: str = "") -> str:
    """The instance, and the Mu in it where that has a name of its own."""
    name = service["instance"] if service["instance"].startswith(service["service"]) else service["service"]
    return f"{name} ({at})" if at and at != service["service"] else str(name)


def figures(row: Row) -> list[str]:
    times = [milliseconds(row[share]) if row[share] is not None else "" for share in ("p50", "p99")]
    return [str(row["calls"] or ""), often(row["rate"]), str(row["errors"] or ""), *times]


def often(rate: float | None) -> str:
    return f"{rate:.1f}" if rate else ""


def states(adapters: Iterable[Row]) -> str:
    return ", ".join(f"{each['name']} {each['state']}" for each in adapters)


def attributes(row: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in row["attributes"].items())


def value(row: Row) -> str:
    """Of a histogram how many there were."""
    number = row.get("count", row["value"])
    if number is None:
        return ""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.3f}".rstrip("0").rstrip(".") if 1 <= abs(number) < MANY else f"{number:.6g}"
