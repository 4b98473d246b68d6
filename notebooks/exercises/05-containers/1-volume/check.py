"""A database that remembers: entries outlive the container."""

import time

from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds


def check(system: System) -> None:
    calculate(system, "19")
    system.fuge("restart", "mongo")
    calculate(system, "20")
    page = audit(system)
    if "19 + 23" not in page:
        not_yet("19 + 23, then a restart of mongo: expected the calculation on /audit, found it gone")


def calculate(system: System, first: str) -> None:
    system.post("webapp", "/add/calculate", first=first, second="23")
    deadline = time.monotonic() + PATIENCE
    while f"{first} + 23" not in audit(system):
        if time.monotonic() > deadline:
            not_yet(f"{first} + 23: expected it on /audit within {PATIENCE} s, found {audit(system)!r}")
        time.sleep(0.05)


def audit(system: System) -> str:
    return system.get("webapp", "/audit").shown
