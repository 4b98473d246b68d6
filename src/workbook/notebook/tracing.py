"""The way of a request through the system, as fuge has kept it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from workbook.notebook.programs import finished


def trace(service: str, until: str) -> None:
    """Show the newest trace that a service has a part in, without its times, as soon as there is that span in it."""
    told = finished(f"fuge traces --last --service {service} --json", until=f'"name": *"{re.escape(until)}"').stdout
    print("\n".join(lines(json.loads(told)["spans"])))


def lines(spans: list[dict[str, Any]], parent: str = "", depth: int = 0) -> Iterator[str]:
    """By their start; each below the one that it belongs to."""
    for span in spans:
        if span["parent"] == parent:
            yield f"{span['service']:16}{'    ' * depth}{span['name']}"
            yield from lines(spans, span["id"], depth + 1)
