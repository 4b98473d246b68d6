"""For programs: /audit as JSON, for those who ask for it."""

import json
import time
from typing import Any

from workbook.browser import Answer
from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds
QUESTION = "GET /audit with Accept: application/json"


def check(system: System) -> None:
    system.post("webapp", "/add/calculate", first="19", second="23")
    deadline = time.monotonic() + PATIENCE
    while not (entries := listed(system)):
        if time.monotonic() > deadline:
            not_yet(f"{QUESTION}: expected one entry within {PATIENCE} s, found none")
        time.sleep(0.05)
    entry = entries[0]
    if not isinstance(entry, dict) or (entry.get("calc"), entry.get("result")) != ("19 + 23", 42):
        not_yet(f"{QUESTION}: expected an entry with calc '19 + 23' and result 42, found {entry!r}")
    if not isinstance(entry.get("ts"), int | float):
        not_yet(f"{QUESTION}: expected a number as ts, found {entry.get('ts')!r}")
    page = system.get("webapp", "/audit", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    if not page.is_page or "19 + 23" not in page.text:
        not_yet("GET /audit as a browser asks: expected the page as before, found another answer")
    system.kill("audit_service")
    answer = ask(system)
    found = parsed(answer)
    if answer.status != 503 or not isinstance(found, dict) or not isinstance(found.get("error"), str):
        not_yet(f"{QUESTION}, without the audit: expected 503 and an error, found {answer.status} and {found!r}")


def ask(system: System) -> Answer:
    return system.get("webapp", "/audit", headers={"Accept": "application/json"})


def listed(system: System) -> list[Any]:
    answer = ask(system)
    found = parsed(answer)
    if answer.status != 200 or not isinstance(found, list):
        not_yet(f"{QUESTION}: expected 200 and a list, found {answer.status} and {found!r:.80}")
    return found


def parsed(answer: Answer) -> Any:
    kind = answer.headers.get_content_type()
    if kind != "application/json":
        not_yet(f"{QUESTION}: expected application/json, found {kind}")
    return json.loads(answer.text)
