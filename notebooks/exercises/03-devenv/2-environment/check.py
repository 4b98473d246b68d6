"""A limit from outside: MAX_DIGITS in fuge.yml says how long a number may be."""

from workbook.exercises import expect
from workbook.system import System

LIMIT = 20


def check(system: System) -> None:
    longest, too_long = "9" * LIMIT, "9" * (LIMIT + 1)
    expect(f"a number of {LIMIT} digits", system.get("adder_service", f"/add/{longest}/1"), 200, "1" + "0" * LIMIT)
    refused = system.get("adder_service", f"/add/{too_long}/1")
    expect(f"a number of {LIMIT + 1} digits", refused, 400, contains=f"at most {LIMIT} digits")
    page = system.post("webapp", "/add/calculate", first="1", second=too_long)
    expect(f"a number of {LIMIT + 1} digits in the form", page, 400, contains=f"at most {LIMIT} digits")
