"""Recipe 07 as somebody sees it who looks on: the page of fuge, in a real browser."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from browsers import open_browser
from fuge_ui import Shown
from helpers import wait_until
from selenium.webdriver.remote.webdriver import WebDriver
from system_traces import add, has_gone_all_the_way, spans, way_of_an_addition

from fuge import ports
from workbook import course
from workbook.system import System

pytestmark = pytest.mark.step("07")
RECIPE = course.recipe("07")
SERVICES = {"mongo", "redis", "adder_service", "audit_service", "event_service", "webapp"}


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System(RECIPE.step, RECIPE) as running:
        yield running


@pytest.fixture(scope="module")
def address(system: System) -> Iterator[str]:
    """Of `fuge ui`."""
    command = [sys.executable, "-m", "fuge", "ui", f"--port={ports.free(1)[0]}"]
    with subprocess.Popen(command, cwd=system.folder, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout
        yield page.stdout.readline().strip()
        page.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with open_browser(tmp_path_factory.mktemp("browser"), "1400,900") as browser:
        yield browser


@pytest.fixture
def shown(browser: WebDriver, address: str) -> Shown:
    browser.get(address)
    shown = Shown(browser)
    shown.until(lambda: shown.statuses() == dict.fromkeys(SERVICES, "running"))
    return shown


def bars(shown: Shown) -> list[str]:
    """Of the waterfall, by what stands before them."""
    found: list[str] = shown.ask("[...document.querySelectorAll('#trace .span-name')].map(each => each.textContent)")
    return found


def places(shown: Shown) -> list[tuple[str, str]]:
    """Of the waterfall: where each bar begins, in percent."""
    bar = "each.querySelector('.span-name').textContent, each.querySelector('.bar').style.left.replace('%', '')"
    return [tuple(each) for each in shown.ask(f"[...document.querySelectorAll('#trace .span')].map(each => [{bar}])")]


def rates(shown: Shown) -> list[str]:
    """Of the picture: what its arrows say."""
    found: list[str] = shown.ask("[...document.querySelectorAll('#picture .rate title')].map(each => each.textContent)")
    return found


def test_waterfall_of_an_addition_is_on_the_page(system: System, shown: Shown) -> None:
    assert add(system, "40", "2") == 200
    assert wait_until(lambda: has_gone_all_the_way(system)), spans(system)
    shown.click("#tab-traces")
    shown.click("#traces li:first-child button")
    shown.until(lambda: set(bars(shown)) >= {f"{service} {name}" for service, name in way_of_an_addition(system)})
    shown.picture("step-07-traces")


def test_messages_flow_in_the_picture(system: System, shown: Shown) -> None:
    flows = {
        *("webapp to adder_service", "webapp to audit_service", "webapp to event_service"),
        *("audit_service to mongo", "event_service to mongo"),
    }
    shown.until(lambda: add(system, "1", "2") == 200 and {text.partition(":")[0] for text in rates(shown)} == flows)
    shown.picture("step-07-flows")
    shown.until(lambda: add(system, "x", "2") == 400 and [text for text in rates(shown) if "with errors" in text])
    assert {text.partition(":")[0] for text in rates(shown) if "with errors" in text} == {"webapp to adder_service"}
    shown.until(lambda: not rates(shown))  # when nothing is asked any more


def test_all_services_are_started_by_one_button(system: System, shown: Shown) -> None:
    others = SERVICES - {"mongo"}  # `fuge up` ends when nothing runs any more
    system.fuge("stop", *others)
    shown.until(lambda: shown.statuses() == dict.fromkeys(others, "stopped") | {"mongo": "running"})
    shown.click(".all [data-operation=start]")
    shown.until(lambda: shown.statuses() == dict.fromkeys(SERVICES, "running"))
    assert add(system, "20", "22") == 200
    assert wait_until(lambda: has_gone_all_the_way(system)), spans(system)


def test_latency_of_the_way_to_the_adder_is_seen_in_the_waterfall(system: System, shown: Shown) -> None:
    shown.click(".row[data-service=adder_service] .name")
    shown.until(lambda: shown.text(".fault-form"))
    shown.click(".fault-form button:not([type])")
    shown.until(lambda: shown.text(".box.faulty .word") == "latency 800 ms")
    shown.until(lambda: shown.statuses() == dict.fromkeys(SERVICES, "running"))
    shown.picture("step-07-fault")
    assert add(system, "2", "40") == 200
    assert wait_until(lambda: has_gone_all_the_way(system)), spans(system)
    found = {(span["service"], span["name"]): span for span in spans(system, "--service=webapp")}
    asked, worked = found["webapp", "role: basic"], found["adder_service", "role: basic, cmd: add"]
    assert asked["duration"] >= 0.8
    assert worked["start"] - asked["start"] >= 0.8, "the adder has heard of it that late"
    shown.click("#detail-close")
    shown.click("#tab-traces")
    shown.click("#traces li:first-child button")
    shown.until(lambda: "adder_service role: basic, cmd: add" in bars(shown))
    shown.picture("step-07-latency")
    left = {name: float(place) for name, place in places(shown)}
    assert left["adder_service role: basic, cmd: add"] - left["webapp role: basic"] > 50, "percent of the whole"
    assert json.loads(system.fuge("fault", "clear", "--json"))["faults"] == []
    shown.click("#tab-system")
    shown.until(lambda: not shown.ask("document.querySelectorAll('.faulty').length"))


def test_names_of_all_services_are_on_the_page(shown: Shown) -> None:
    shown.click("#tab-zone")
    shown.until(lambda: "_main._tcp.adder-service.micro.svc.cluster.local" in shown.text("#records"))
    shown.picture("step-07-zone")


def test_service_that_is_killed_is_red_on_the_page_and_comes_back(system: System, shown: Shown) -> None:
    os.kill(system.process("adder_service").pid, signal.SIGKILL)
    shown.until(lambda: shown.boxes()["adder_service"] == "failed")
    shown.picture("step-07-killed")
    shown.press("start", "adder_service")
    shown.until(lambda: shown.boxes()["adder_service"] == "running")
    assert wait_until(lambda: add(system, "1", "2") == 200)
    shown.picture("step-07")


def routes(system: System) -> set[tuple[str, str, str]]:
    """Those that messages have taken: of which service, of which kind, and for which pattern."""
    found = json.loads(system.fuge("metrics", "--json"))
    return {(each["service"], row["kind"], row["pattern"]) for each in found for row in each["routes"] if row["calls"]}


def test_each_service_tells_of_its_routes(system: System) -> None:
    assert add(system, "1", "2") == 200
    way = {
        *(("webapp", "outbound", pattern) for pattern in ("role: basic", "role: audit", "role: events")),
        ("adder_service", "handler", "role: basic, cmd: add"),
        ("audit_service", "handler", "role: audit, cmd: append"),
        ("event_service", "handler", "role: events, cmd: record"),
    }
    assert wait_until(lambda: routes(system) >= way), routes(system)
