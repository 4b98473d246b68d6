"""What a visitor may rely on at /audit: each calculation once, the latest first, and a page if it can't be had."""

import html
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from helpers import screenshot, wait_until
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from mu import ServiceError
from workbook.browser import Answer
from workbook.course import Recipe
from workbook.system import System

NEEDS = "audit_service"
NINES = "9" * 100
DEADLINE = 2  # seconds that a page about a service that does not answer may take


def calculate(system: System, first: int | str, second: int | str = 1) -> Answer:
    return system.post("webapp", "/add/calculate", first=str(first), second=str(second))


def audit(system: System) -> list[tuple[str, str]]:
    """The calculations on the page, with their results."""
    answer = system.get("webapp", "/audit")
    assert answer.status == 200, answer.shown
    rows = re.findall(r"<tr>\s*<td><time.*?</td>\s*<td>(.*?)</td>\s*<td>(.*?)</td>\s*</tr>", answer.text, re.DOTALL)
    return [(html.unescape(calculation), html.unescape(result)) for calculation, result in rows]


def comes_to_show(system: System, *expected: tuple[str, str]) -> bool:
    """Nobody waits until a calculation is in the audit: it comes soon."""
    return wait_until(lambda: system.get("webapp", "/audit").status == 200 and audit(system) == list(expected))


def refusal(system: System) -> str:
    """What the page says while there is no audit to be had."""
    answer = system.get("webapp", "/audit")
    assert answer.status == 503
    found = re.search(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)
    assert found
    return found[1]


# What it shows ----------------------------------------------------------------------------------------------------


def test_audit_is_empty_at_first_then_shows_the_ten_latest(own_system: System) -> None:
    assert "No calculations yet." in own_system.get("webapp", "/audit").text
    for n in range(12):
        assert calculate(own_system, n).status == 200
        expected = [(f"{k} + 1", f"{k + 1}") for k in range(n, max(-1, n - 10), -1)]
        assert comes_to_show(own_system, *expected)


def test_audit_shows_results_exactly(system: System) -> None:
    before = audit(system)
    calculate(system, NINES, "1")
    calculate(system, "-" + NINES, "-" + NINES)
    calculate(system, "1", "-1")
    added = [
        ("1 + -1", "0"),
        (f"-{NINES} + -{NINES}", str(-2 * int(NINES))),
        (f"{NINES} + 1", "1" + "0" * 100),
    ]
    assert comes_to_show(system, *(added + before)[:10])


def test_what_is_no_calculation_is_not_recorded(system: System) -> None:
    before = audit(system)
    assert calculate(system, "1.5").status == 400
    assert calculate(system, "<script>").status == 400
    assert calculate(system, 40, 2).status == 200
    assert comes_to_show(system, *[("40 + 2", "42"), *before][:10])


def test_times_are_those_of_the_calculations_in_utc(system: System) -> None:
    calculate(system, 77)
    assert wait_until(lambda: ("77 + 1", "78") in audit(system))
    found = re.search(r'<time datetime="([^"]+)">([^<]+)</time>', system.get("webapp", "/audit").text)
    assert found
    moment = datetime.fromisoformat(found[1])
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=2)
    assert found[2] == moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def test_values_of_others_are_shown_as_text(system: System) -> None:
    said = "<script>alert(1)</script> & \"'"
    system.dispatch("audit_service", role="audit", cmd="append", calc=said, calcResult=said)
    assert wait_until(lambda: (said, said) in audit(system))
    text = system.get("webapp", "/audit").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"calc": "1" * 1_000_000, "calcResult": 1}, "calc: expected a printable text of 1 to 250 characters, found "),
        ({"calc": "", "calcResult": 1}, "calc: expected a printable text"),
        ({"calc": "1\n2", "calcResult": 1}, "calc: expected a printable text"),
        ({"calc": "\ud800", "calcResult": 1}, "calc: expected a printable text"),
        ({"calc": {"$ne": 1}, "calcResult": 1}, "calc: expected a printable text"),
        ({"calcResult": 1}, "calc: expected a printable text"),
        ({"calc": "1", "calcResult": 2**53}, "calcResult: expected a whole number of at most 9007199254740991"),
        ({"calc": "1", "calcResult": True}, "calcResult: expected a whole number"),
        ({"calc": "1", "calcResult": 1.5}, "calcResult: expected a printable text"),
        ({"calc": "1", "calcResult": ["1"]}, "calcResult: expected a printable text"),
        ({"calc": "1", "calcResult": "1" * 1_000_000}, "calcResult: expected a printable text"),
        ({"calc": "1"}, "calcResult: expected a printable text"),
        ({"calc": "1", "calcResult": 1, "ts": -1}, "ts: expected milliseconds since 1970"),
        ({"calc": "1", "calcResult": 1, "ts": 1e300}, "ts: expected milliseconds since 1970"),
        ({"calc": "1", "calcResult": 1, "ts": "now"}, "ts: expected milliseconds since 1970"),
    ],
    ids=lambda value: str(value)[:60],  # it is in the environment of each process that a test starts
)
def test_what_is_no_entry_is_refused(system: System, entry: dict[str, object], said: str) -> None:
    before = audit(system)
    with pytest.raises(ServiceError) as refused:
        system.dispatch("audit_service", role="audit", cmd="append", **entry)
    assert refused.value.status == 400
    assert str(refused.value).startswith(said)
    assert len(str(refused.value)) < 250
    assert audit(system) == before


def test_many_calculations_at_once_are_all_there(own_system: System) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: calculate(own_system, n, n), range(200)))
    assert {answer.status for answer in answers} == {200}
    assert wait_until(lambda: len(audit(own_system)) == 10)
    assert len(set(audit(own_system))) == 10
    assert all(int(result) == 2 * int(calculation.split()[0]) for calculation, result in audit(own_system))


def test_reader_sees_times_of_their_own_zone(browser: WebDriver, system: System, recipe: Recipe) -> None:
    calculate(system, NINES, NINES)
    calculate(system, 5)
    assert wait_until(lambda: audit(system)[0][0] == "5 + 1")
    for zone in ("Asia/Tokyo", "America/St_Johns"):
        browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": zone})
        browser.get(system.url("webapp", "/audit"))
        time = browser.find_element(By.TAG_NAME, "time")
        in_zone = "new Date(arguments[0]).toLocaleString(undefined, {timeZone: arguments[1]})"
        assert time.text == browser.execute_script(f"return {in_zone}", time.get_attribute("datetime"), zone)
        assert time.get_attribute("title").endswith(" UTC")
    screenshot(browser, recipe, "audit")
    browser.set_window_size(400, 700)
    page = browser.execute_script("return document.documentElement.scrollWidth")
    window = browser.execute_script("return window.innerWidth")
    screenshot(browser, recipe, "audit-narrow")
    browser.set_window_size(1000, 700)
    assert page <= window


# When something breaks --------------------------------------------------------------------------------------------


def test_audit_service_down_is_said_and_nothing_is_lost(own_system: System) -> None:
    own_system.kill("audit_service")
    for n in range(3):
        assert f">{n + 1}</output>" in calculate(own_system, n).text
    assert refusal(own_system).startswith("The audit service cannot be reached.")
    own_system.fuge("start", "audit_service")
    assert comes_to_show(own_system, ("2 + 1", "3"), ("1 + 1", "2"), ("0 + 1", "1"))


def test_audit_service_stuck_ends_at_the_deadline_and_nobody_else_waits(own_system: System) -> None:
    own_system.pause("audit_service")
    try:
        assert ">42</output>" in calculate(own_system, 40, 2).text  # although the audit has not answered
        began = time.monotonic()
        said = refusal(own_system)
        took = time.monotonic() - began
    finally:
        own_system.resume("audit_service")
    assert said.startswith(f"The audit service did not answer within {DEADLINE} seconds.")
    assert took >= DEADLINE
    assert comes_to_show(own_system, ("40 + 2", "42"))


def test_database_down_is_said_and_recovered_from_without_a_restart(own_system: System) -> None:
    services = [own_system.process(name) for name in ("webapp", "audit_service")]
    calculate(own_system, 0)
    assert comes_to_show(own_system, ("0 + 1", "1"))
    own_system.kill("mongo")
    assert refusal(own_system).startswith("The audit service cannot reach its database.")
    with pytest.raises(ServiceError) as refused:
        own_system.dispatch("audit_service", role="audit", cmd="append", calc="1", calcResult=1)
    assert refused.value.status == 503
    assert re.fullmatch(r"MongoDB at \S+ does not answer", str(refused.value))
    for n in range(1, 4):
        assert f">{n + 1}</output>" in calculate(own_system, n).text
    own_system.fuge("start", "mongo")
    assert comes_to_show(own_system, ("3 + 1", "4"), ("2 + 1", "3"), ("1 + 1", "2"))  # what was before, it had itself
    assert [own_system.process(name) for name in ("webapp", "audit_service")] == services


def test_database_stuck_is_said_within_the_deadline(own_system: System) -> None:
    calculate(own_system, 0)
    assert comes_to_show(own_system, ("0 + 1", "1"))
    own_system.pause("mongo")
    try:
        assert refusal(own_system).startswith("The audit service cannot reach its database.")
        assert ">2</output>" in calculate(own_system, 1).text
    finally:
        own_system.resume("mongo")
    assert comes_to_show(own_system, ("1 + 1", "2"), ("0 + 1", "1"))


def test_what_waits_survives_a_stop_of_the_webapp(own_system: System) -> None:
    own_system.fuge("stop", "audit_service")
    for n in range(3):
        calculate(own_system, n)
    own_system.fuge("restart", "webapp")
    calculate(own_system, 3)
    own_system.fuge("restart", "webapp")
    own_system.fuge("start", "audit_service")
    assert comes_to_show(own_system, ("3 + 1", "4"), ("2 + 1", "3"), ("1 + 1", "2"), ("0 + 1", "1"))
