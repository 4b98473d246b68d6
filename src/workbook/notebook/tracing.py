"""The way of a request through the system, as fuge has kept it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from workbook.errors import WorkbookError
from workbook.notebook import reader

PATIENCE = 20  # seconds


def trace(service: str, until: str) -> None:
    """Show the newest trace that a service has a part in, without its times, as soon as there is that span in it."""
    deadline = time.monotonic() + PATIENCE
    command = [sys.executable, "-m", "fuge", "traces", "--last", "--service", service, "--json"]
    while True:
        done = subprocess.run(command, cwd=reader.MICRO, capture_output=True, text=True, check=False)
        spans = [] if done.returncode else json.loads(done.stdout)["spans"]
        if any(span["name"] == until for span in spans):
            break
        if time.monotonic() > deadline:
            found = ", ".join(span["name"] for span in spans) or done.stderr.strip()
            raise WorkbookError(f"expected a span {until!r} in the newest trace of {service}, found {found}")
        time.sleep(0.1)
    print("\n".join(lines(spans)))


def lines(spans: list[dict[str, Any]], parent: str = "", depth: int = 0) -> Iterator[str]:
    """By their start; each below the one that it belongs to."""
    for span in spans:
        if span["parent"] == parent:
            yield f"{span['service']:16}{'    ' * depth}{span['name']}"
            yield from lines(spans, span["id"], depth + 1)
