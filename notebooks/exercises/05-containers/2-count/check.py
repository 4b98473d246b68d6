"""How many: the audit counts its entries."""

import time
from typing import Any

from mu import MuError, ServiceError
from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds
ADDED = 12  # more than the list shows


def check(system: System) -> None:
    before = count(system)
    for number in range(ADDED):
        system.post("webapp", "/add/calculate", first=str(number), second="1")
    deadline = time.monotonic() + PATIENCE
    while (found := count(system)) != before + ADDED:
        if time.monotonic() > deadline:
            not_yet(f"count, after {ADDED} calculations more than {before}: expected {before + ADDED}, found {found!r}")
        time.sleep(0.05)
    system.kill("mongo")
    try:
        found = ask(system)
    except ServiceError as error:
        if error.status == 503:
            return
        not_yet(f"count, without a database: expected a ServiceError with status 503, found status {error.status}")
    except MuError as error:
        not_yet(f"count, without a database: expected a ServiceError with status 503, found {error!r}")
    not_yet(f"count, without a database: expected a ServiceError with status 503, found {found!r}")


def count(system: System) -> int:
    try:
        found = ask(system)
    except MuError as error:
        not_yet(f"count: expected a number, found {type(error).__name__}: {error}")
    if type(found) is not int:
        not_yet(f"count: expected a number, found {found!r}")
    return found


def ask(system: System) -> Any:
    return system.dispatch("audit_service", role="audit", cmd="count")
