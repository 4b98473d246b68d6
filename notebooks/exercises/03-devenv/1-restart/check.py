"""Back by itself: an adder that crashes is started again."""

import time

from workbook.exercises import expect, not_yet
from workbook.system import System

PATIENCE = 10  # seconds for the adder to be back


def check(system: System) -> None:
    expect("GET /add/1/2", system.get("adder_service", "/add/1/2"), 200, "3")
    for crash in ("a crash", "a second crash"):
        system.kill("adder_service")
        if not is_back(system):
            not_yet(f"after {crash}: expected the adder to run again within {PATIENCE} s, found that it stays away")
        expect(f"GET /add/1/2 after {crash}", system.get("adder_service", "/add/1/2"), 200, "3")


def is_back(system: System) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not system.listens("adder_service"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
