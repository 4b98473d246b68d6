"""An API for programs: GET /api/add?first=1&second=2 answers JSON."""

import json

from workbook.browser import Answer
from workbook.exercises import expect, not_yet
from workbook.system import System


def check(system: System) -> None:
    good = system.get("webapp", "/api/add?first=1&second=2")
    expect("GET /api/add?first=1&second=2", good, 200, contains="3")
    if content(good) != {"result": "3"}:
        not_yet(f'GET /api/add?first=1&second=2: expected {{"result": "3"}}, found {good.text}')
    bad = system.get("webapp", "/api/add?first=1&second=x")
    expect("GET /api/add?first=1&second=x", bad, 400)
    if "second" not in str(content(bad).get("error")):
        not_yet(f'GET /api/add?first=1&second=x: expected {{"error": ...}} that names second, found {bad.text}')
    system.kill("adder_service")
    down = system.get("webapp", "/api/add?first=1&second=2")
    expect("GET /api/add?first=1&second=2 with the adder killed", down, 502)
    if not content(down).get("error"):
        not_yet(f'with the adder killed: expected {{"error": ...}}, found {down.text}')


def content(answer: Answer) -> dict[str, object]:
    try:
        found = json.loads(answer.text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else not_yet(f"expected a JSON object, found {answer.text[:80]!r}")
