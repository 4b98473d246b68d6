"""A second message: the adder subtracts, too."""

from mu import MuError, ServiceError
from workbook.exercises import not_yet
from workbook.system import System


def check(system: System) -> None:
    for first, second, difference in ((5, 3, 2), ("3", "5", -2), ("7", 7, 0)):
        try:
            found = system.dispatch("adder_service", role="basic", cmd="subtract", first=first, second=second)
        except MuError as error:
            not_yet(f"{first} - {second}: expected {difference}, found {type(error).__name__}: {error}")
        if found != difference:
            not_yet(f"{first} - {second}: expected {difference}, found {found!r}")
    check_refusal(system)
    total = system.dispatch("adder_service", role="basic", cmd="add", first=5, second=3)
    if total != 8:
        not_yet(f"5 + 3: expected still 8, found {total!r}")


def check_refusal(system: System) -> None:
    wanted = "5 - x: expected ServiceError with status 400 and the text 'second: expected an integer ...', found"
    try:
        found = system.dispatch("adder_service", role="basic", cmd="subtract", first="5", second="x")
    except ServiceError as error:
        if error.status != 400 or not str(error).startswith("second: expected an integer"):
            not_yet(f"{wanted} status {error.status}: {error}")
    except MuError as error:
        not_yet(f"{wanted} {type(error).__name__}: {error}")
    else:
        not_yet(f"{wanted} {found!r}")
