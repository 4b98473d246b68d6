"""The more specific wins: a sum in base 2 is answered in binary."""

from mu import MuError
from workbook.exercises import not_yet
from workbook.system import System


def check(system: System) -> None:
    for base, first, second, total in ((2, 5, 5, "1010"), (2, "1", "-4", "-11"), (2, 1, -1, "0"), (10, 5, 5, 10)):
        expect_sum(system, {"base": base, "first": first, "second": second}, total)
    expect_sum(system, {"first": 5, "second": 5}, 10)


def expect_sum(system: System, fields: dict[str, object], total: object) -> None:
    wanted = f"add {fields}: expected {total!r}, found"
    try:
        found = system.dispatch("adder_service", role="basic", cmd="add", **fields)
    except MuError as error:
        not_yet(f"{wanted} {type(error).__name__}: {error}")
    if found != total:
        not_yet(f"{wanted} {found!r}")
