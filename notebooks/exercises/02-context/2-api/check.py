"""An API for programs: GET /api/add?first=1&second=2 answers JSON."""

import json

from workbook.exercises import expect, not_yet
from workbook.system import System


def check(system: System) -> None:
    for first, second, result in (("1", "2", "3"), ("9" * 100, "1", "1" + "0" * 100)):
        path = f"/api/add?first={first}&second={second}"
        if ask(system, path, 200) != {"result": result}:
            not_yet(f'GET {path}: expected {{"result": "{result}"}}, found something else')
    for path, field in {"/api/add?first=1&second=x": "second", "/api/add?second=1": "first"}.items():
        explained(system, path, 400, contains=field)
    system.pause("adder_service")
    explained(system, "/api/add?first=1&second=2", 504, situation=" with the adder hanging")
    system.resume("adder_service")
    system.kill("adder_service")
    explained(system, "/api/add?first=1&second=2", 502, situation=" with the adder killed")


def explained(system: System, path: str, status: int, situation: str = "", contains: str = "") -> None:
    error = ask(system, path, status, situation).get("error")
    if not error or contains not in str(error):
        not_yet(f'GET {path}{situation}: expected {{"error": "..."}} with {contains!r} in it, found {error!r}')


def ask(system: System, path: str, status: int, situation: str = "") -> dict[str, object]:
    """The JSON object that is answered, with this status and the content type of JSON."""
    answer = system.get("webapp", path)
    expect(f"GET {path}{situation}", answer, status)
    found = answer.headers.get_content_type()
    if found != "application/json":
        not_yet(f"GET {path}{situation}: expected the content type application/json, found {found}")
    content = json.loads(answer.text)
    return content if isinstance(content, dict) else not_yet(f"GET {path}: expected an object, found {answer.text}")
