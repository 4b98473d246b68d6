"""python -m concordant NAME: the endpoints of a name as a table."""

import argparse
import asyncio
import sys

import concordant
from concordant.endpoint import Endpoint

HEADINGS = ("host", "port", "priority", "weight", "ttl", "target")


def main(arguments: list[str] | None = None) -> int:
    """0 with the table on the standard output, or 1 with the error on the other one."""
    options = parser().parse_args(arguments)
    try:
        found = asyncio.run(concordant.resolve(options.name, port=options.port, timeout=options.timeout))
    except concordant.ConcordantError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("\n".join(table(found)))
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("concordant", description="Find the endpoints of a name by DNS.")
    made.add_argument("name", help="such as _main._tcp.mongo.micro.svc.cluster.local, or mongo")
    made.add_argument("--port", type=int, help="the port if DNS tells none")
    made.add_argument("--timeout", type=float, default=5.0, help="in seconds (default: %(default)g)")
    return made


def table(endpoints: list[Endpoint]) -> list[str]:
    """Its lines, in columns as wide as they need to be."""
    rows = [HEADINGS, *(cells(endpoint) for endpoint in endpoints)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def cells(endpoint: Endpoint) -> tuple[str, ...]:
    values = (getattr(endpoint, heading) for heading in HEADINGS)
    return tuple("-" if value is None else str(value) for value in values)


if __name__ == "__main__":
    sys.exit(main())
