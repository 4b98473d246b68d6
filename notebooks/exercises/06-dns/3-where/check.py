"""Who is there: the adders, as DNS has them at the moment."""

import json
import time
from collections.abc import Callable

from workbook import ports
from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds


def check(system: System) -> None:
    here = f"{ports.HOST}:{system.ports['adder_service']}"
    comes(system, "the address of the adder, in a list", lambda found: found == [here])
    system.fuge("scale", "adder_service", "3")
    comes(
        system, "three adders, sorted, after `fuge scale adder_service 3`", lambda found: three(found) and here in found
    )


def three(found: list[str]) -> bool:
    return len(set(found)) == len(found) == 3 and sorted(found) == found


def comes(system: System, expected: str, fits: Callable[[list[str]], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = system.get("webapp", "/where")
        try:
            if answer.status == 200 and fits(json.loads(answer.text)):
                return
        except (ValueError, TypeError):
            pass
        if time.monotonic() > deadline:
            not_yet(f"GET /where: expected {expected}, found {answer.status} {answer.text[:15]!r}")
        time.sleep(0.1)
