"""An answer for programs: JSON for callers that ask for it."""

import json

from workbook.exercises import expect, not_yet
from workbook.system import System


def check(system: System) -> None:
    for accept in ("*/*", "text/html"):  # what curl sends, and what browsers send
        asked = f"GET /add/1/2 with Accept: {accept}"
        expect(asked, system.get("adder_service", "/add/1/2", headers={"Accept": accept}), 200, "3")
    for path, result in {"/add/1/2": 3, "/add/40/-2": 38}.items():
        asked = f"GET {path} with Accept: application/json"
        answer = system.get("adder_service", path, headers={"Accept": "application/json"})
        expect(asked, answer, 200, contains='"result"')
        found = answer.headers.get_content_type()
        if found != "application/json":
            not_yet(f"{asked}: expected the content type application/json, found {found}")
        if json.loads(answer.text) != {"result": result}:
            not_yet(f'{asked}: expected {{"result": {result}}}, found {answer.text}')
