"""A crash that no visitor sees: the adder comes back, and what it had begun is sent again."""

import time
from concurrent.futures import ThreadPoolExecutor

from workbook.browser import Answer
from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds for the webapp to connect to the adder


def check(system: System) -> None:
    for crash in ("a crash", "a second crash"):
        with ThreadPoolExecutor(1) as visitor:
            system.pause("adder_service")
            page = visitor.submit(calculate, system)
            wait_until_sent(system)
            system.kill("adder_service")
            answer = page.result()
        if answer.status != 200 or ">42</output>" not in answer.text:
            not_yet(f"19 + 23, with {crash} of the adder in the middle: expected 200 and 42, found {answer.status}")


def calculate(system: System) -> Answer:
    return system.post("webapp", "/add/calculate", first="19", second="23")


def wait_until_sent(system: System) -> None:
    """Until the webapp is connected to the adder: what it sends there is lost with the adder's process."""
    webapp, adder = system.process("webapp"), system.ports["adder_service"]
    deadline = time.monotonic() + PATIENCE
    while not any(each.raddr and each.raddr.port == adder for each in webapp.net_connections("tcp")):
        if time.monotonic() > deadline:
            not_yet(
                f"19 + 23: expected the webapp to ask the adder within {PATIENCE} s, found no connection between them"
            )
        time.sleep(0.02)
