"""Subtract: GET /subtract/{first}/{second}."""

from workbook.exercises import expect
from workbook.system import System


def check(system: System) -> None:
    for path, result in {"/subtract/5/3": "2", "/subtract/3/5": "-2", "/add/5/3": "8"}.items():
        expect(f"GET {path}", system.get("adder_service", path), 200, result)
    expect("GET /subtract/5/x", system.get("adder_service", "/subtract/5/x"), 400, contains="second")
