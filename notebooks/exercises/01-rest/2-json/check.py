"""An answer for programs: JSON for callers that accept it."""

from workbook.exercises import expect, not_yet
from workbook.system import System


def check(system: System) -> None:
    expect("GET /add/1/2", system.get("adder_service", "/add/1/2"), 200, "3")
    answer = system.get("adder_service", "/add/1/2", headers={"Accept": "application/json"})
    expect("GET /add/1/2 with Accept: application/json", answer, 200, contains='"result"')
    found = answer.headers.get_content_type()
    if found != "application/json":
        not_yet(f"GET /add/1/2 with Accept: application/json: expected that content type, found {found}")
    if answer.text.replace(" ", "") != '{"result":3}':
        not_yet(f'GET /add/1/2 with Accept: application/json: expected {{"result": 3}}, found {answer.text}')
