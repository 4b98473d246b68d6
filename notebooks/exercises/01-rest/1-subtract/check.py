"""Subtract: GET /subtract/{first}/{second}."""

from workbook.exercises import expect
from workbook.system import System

RESULTS = {
    "/subtract/5/3": "2",
    "/subtract/3/5": "-2",
    "/subtract/5/-3": "8",
    "/subtract/100000000000000000000000000/1": "99999999999999999999999999",
    f"/subtract/{'9' * 100}/0": "9" * 100,
    "/add/5/3": "8",
}
REFUSED = {"/subtract/5/x": "second", "/subtract//2": "first", f"/subtract/{'9' * 101}/0": "first"}


def check(system: System) -> None:
    for path, result in RESULTS.items():
        expect(f"GET {path}", system.get("adder_service", path), 200, result)
    for path, field in REFUSED.items():
        expect(f"GET {path}", system.get("adder_service", path), 400, contains=field)
