"""The page in a real browser, of real services that start, die and come back. Pictures of it go to .artifacts/ui/."""

import os
import signal
from collections.abc import Callable

import pytest
from fuge_project import SLEEPER, Project
from fuge_ui import Page, Shown
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select

Serve = Callable[..., Page]
TALKER = r"""
import time
print("\x1b[31mred\x1b[0m and \x1b[2Jplain", flush=True)
print("<img src=x onerror='document.title=1'><b>bold</b>", flush=True)
number = 0
while True:
    print(f"word {number}", flush=True)
    number += 1
    time.sleep(0.05)
"""
LONG = "print('\\n'.join(f'line {number}' for number in range(3000)))\n" + SLEEPER


def opened(browser: WebDriver, page: Page) -> Shown:
    browser.get(page.address)
    shown = Shown(browser)
    shown.until(lambda: shown.text("#summary"))
    return shown


def test_a_day_with_the_page(project: Project, page: Serve, browser: WebDriver) -> None:
    project.script("talker", TALKER)
    project.configure_with(
        project.server("one"),
        project.sleeper("two", "depends_on: [one]"),
        project.process("talker", "depends_on: [two]"),
    )
    project.up("one")
    shown = opened(browser, page())
    shown.until(lambda: shown.statuses() == {"one": "running", "two": "stopped", "talker": "stopped"})
    assert browser.current_url.endswith("/"), "the token does not stay in sight"

    shown.click(".all [data-operation=start]")
    shown.until(lambda: set(shown.statuses().values()) == {"running"})
    assert shown.boxes() == shown.statuses()
    assert shown.text("#summary") == "3 of 3 running"
    assert shown.ask("document.querySelectorAll('.arrow').length") == 2

    os.kill(project.ps()["two"]["pid"], signal.SIGKILL)
    shown.until(lambda: shown.statuses()["two"] == "failed" and shown.boxes()["two"] == "failed")
    assert "SIGKILL" in shown.text(".row[data-service=two] .reason")
    assert shown.text("#summary") == "2 of 3 running, 1 in trouble"
    shown.picture("failed")
    shown.press("start", "two")
    shown.until(lambda: shown.statuses()["two"] == "running")

    shown.press("stop", "talker")
    shown.until(lambda: shown.statuses()["talker"] == "stopped")
    assert project.ps()["talker"]["status"] == "stopped"
    assert not shown.ask("document.querySelector('.row[data-service=talker] [data-operation=start]').disabled")
    assert shown.ask("document.querySelector('.row[data-service=talker] [data-operation=stop]').disabled")
    before = project.ps()["one"]["pid"]
    shown.press("restart", "one")
    shown.until(lambda: project.ps()["one"]["pid"] not in (before, None))

    shown.until(lambda: any("word 0" in line for line in shown.lines()))
    Select(browser.find_element("id", "log-service")).select_by_visible_text("two")
    shown.until(lambda: shown.lines() and all(" two " in line for line in shown.lines()))
    Select(browser.find_element("id", "log-service")).select_by_visible_text("all")
    browser.find_element("id", "log-search").send_keys("WORD 1")
    shown.until(lambda: shown.lines() and all(" word 1" in line for line in shown.lines()))

    shown.click(".all [data-operation=stop]")
    shown.until(lambda: set(shown.statuses().values()) == {"stopped"})
    assert not project.marked()
    assert severe(browser) == []


def test_what_services_say_is_text(project: Project, page: Serve, browser: WebDriver) -> None:
    project.script("talker", TALKER)
    project.configure_with(project.process("talker", "environment: {WORD: '<i>x</i>'}"))
    project.up()
    shown = opened(browser, page())
    shown.until(lambda: any("<b>bold</b>" in line for line in shown.lines()))
    assert shown.ask("document.querySelectorAll('#log img, #log b').length") == 0
    assert shown.text("#log .ansi-1") == "red"
    assert any("red and plain" in line for line in shown.lines())
    shown.click(".row[data-service=talker] .name")
    shown.until(lambda: "<i>x</i>" in shown.text("#detail-body"))
    assert shown.ask("document.querySelectorAll('#detail i').length") == 0
    assert browser.title.endswith("fuge")


def test_errors_are_said_in_words(project: Project, page: Serve, browser: WebDriver) -> None:
    project.script("bad", "raise SystemExit(7)")
    project.configure_with(project.process("bad", "readiness: {log: never}"))
    project.up(wait=False)
    shown = opened(browser, page())
    shown.press("start", "bad")
    shown.until(lambda: "exit code 7" in shown.text("#errors"))
    shown.click("#errors button")
    assert shown.text("#errors") == ""
    shown.until(lambda: "exit code 7" in shown.text(".row[data-service=bad] .reason"))


def test_three_tabs_see_the_same(project: Project, page: Serve, browser: WebDriver) -> None:
    project.configure_with(project.sleeper("one"), project.sleeper("two"))
    project.up()
    served = page()
    opened(browser, served)
    for _ in range(2):
        browser.switch_to.new_window("tab")
        browser.get(f"{served.base}/")
    shown = Shown(browser)
    shown.until(lambda: set(shown.statuses().values()) == {"running"})
    shown.press("stop", "one")
    for handle in browser.window_handles:
        browser.switch_to.window(handle)
        shown.until(lambda: shown.statuses() == {"one": "stopped", "two": "running"})
        shown.until(lambda: any(line.endswith("one stopped") for line in shown.lines()))


def test_it_outlives_fuge_and_comes_back_to_a_new_one(project: Project, page: Serve, browser: WebDriver) -> None:
    project.configure_with(project.sleeper("one"))
    served = page()
    shown = opened(browser, served)
    shown.until(lambda: "fuge is not running" in shown.text("#banner"))
    assert shown.statuses() == {"one": "stopped"}
    assert shown.ask("[...document.querySelectorAll('.buttons button')].every(b => b.disabled)")
    shown.picture("not-running")
    project.up()
    shown.until(lambda: shown.statuses() == {"one": "running"} and not shown.text("#banner"))
    project.down()
    shown.until(lambda: "fuge is not running" in shown.text("#banner"))
    project.up()
    shown.until(lambda: shown.statuses() == {"one": "running"})

    served.process.send_signal(signal.SIGINT)
    shown.until(lambda: "`fuge ui` does not answer" in shown.text("#banner"))
    served.process.wait(30)
    again = project.begin("ui", f"--port={served.port}")
    assert again.stdout
    address = again.stdout.readline().strip()
    shown.until(lambda: "address is an old one" in shown.text("#banner"))
    browser.get(address)
    shown.until(lambda: shown.statuses() == {"one": "running"})


def test_what_has_no_tail_is_not_among_all(project: Project, page: Serve, browser: WebDriver) -> None:
    project.configure_with(project.sleeper("one"), project.sleeper("two", "tail: false"))
    project.up()
    shown = opened(browser, page())
    shown.until(lambda: any("two ready" in line for line in shown.lines()))
    shown.until(lambda: any("one up" in line for line in shown.lines()))
    assert not any("two up" in line for line in shown.lines())
    assert choices(shown) == ["all with tail", "all", "one", "two"]
    Select(browser.find_element("id", "log-service")).select_by_visible_text("all")
    shown.until(lambda: any("two up" in line for line in shown.lines()))
    project.call("tail", words=["two"], on=True)
    shown.until(lambda: choices(shown) == ["all", "one", "two"])
    shown.until(lambda: any("two up" in line for line in shown.lines()))


def choices(shown: Shown) -> list[str]:
    found: list[str] = shown.ask("[...document.querySelectorAll('#log-service option')].map(each => each.textContent)")
    return found


def test_the_log_follows_unless_somebody_reads(project: Project, page: Serve, browser: WebDriver) -> None:
    project.script("talker", LONG + "\n")
    project.configure_with(project.process("talker"), project.sleeper("other"))
    project.up("talker")
    shown = opened(browser, page())
    shown.until(lambda: any("line 2999" in line for line in shown.lines()))
    assert len(shown.lines()) <= 1000
    at_end = "(log => log.scrollHeight - log.scrollTop - log.clientHeight < 30)(document.getElementById('log'))"
    shown.until(lambda: shown.ask(at_end))
    shown.ask("void (document.getElementById('log').scrollTop = 0)")
    shown.until(lambda: not shown.ask("document.getElementById('log-newest').hidden"))
    project.call("start", words=["other"])
    shown.until(lambda: any(line.endswith("other up") for line in shown.lines()))
    assert not shown.ask(at_end)
    shown.click("#log-newest")
    shown.until(lambda: shown.ask(at_end))


def test_by_keyboard(project: Project, page: Serve, browser: WebDriver) -> None:
    project.configure_with(project.server("one", "environment: [COLOUR=red]"), project.sleeper("two"))
    project.up("one")
    shown = opened(browser, page())
    shown.until(lambda: shown.boxes() == {"one": "running", "two": "stopped"})
    assert "focused" in focus(browser, ".box[data-service=one]")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    shown.until(lambda: "COLOUR" in shown.text("#detail-body"))
    for expected in ("one is running", "ready", "main.py", "DNS is not enabled"):
        assert expected in shown.text("#detail-body")
    shown.picture("detail")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    shown.until(lambda: not shown.ask("document.getElementById('detail').open"))
    assert shown.ask("document.activeElement.dataset.service") == "one", "the focus is where it was"
    focus(browser, ".row[data-service=two] [data-operation=start]")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    shown.until(lambda: shown.statuses()["two"] == "running")
    focus(browser, "#tab-system")
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    shown.until(lambda: shown.text("#traces-reason"))
    assert shown.ask("document.activeElement.id") == "tab-traces"
    assert shown.ask("document.getElementById('view-system').hidden")


def test_everything_that_can_be_pressed_has_a_name(project: Project, page: Serve, browser: WebDriver) -> None:
    project.configure_with(project.server("one"))
    project.up()
    shown = opened(browser, page())
    shown.until(lambda: shown.statuses() == {"one": "running"})
    controls = browser.find_elements("css selector", "button, a, input, select, [role=button], [role=tab], [tabindex]")
    names = [(each.tag_name, each.accessible_name) for each in controls if each.is_displayed()]
    assert len(names) > 10
    assert [tag for tag, name in names if not name.strip()] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("large", 1400), ("small", 400)])
def test_it_fits(project: Project, page: Serve, browser: WebDriver, scheme: str, name: str, width: int) -> None:
    project.script("talker", TALKER)
    project.script("bad", "raise SystemExit(7)")
    project.configure_with(
        *(project.server(each) for each in ("stock", "adder")),
        project.process("talker", "depends_on: [stock]", "readiness: {log: word}"),
        project.sleeper("webapp", "depends_on: [adder, talker, stock]"),
        project.sleeper("idle", "enabled: false"),
        project.sleeper("a-service-with-a-rather-long-name", "depends_on: [webapp]"),
        project.process("bad", "depends_on: [stock]"),
    )
    project.up()
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)  # type: ignore[attr-defined]
    wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in wanted.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})  # type: ignore[attr-defined]
    shown = opened(browser, page())
    shown.until(lambda: shown.statuses().get("bad") == "failed" and shown.statuses()["webapp"] == "running")
    assert shown.ask("document.scrollingElement.scrollWidth <= innerWidth")
    assert shown.ask("getComputedStyle(document.querySelector('.box .shape')).transitionDuration") == "0s"
    shown.picture(f"{name}-{scheme}")
    assert severe(browser) == []


def test_fifty_services(project: Project, page: Serve, browser: WebDriver) -> None:
    project.script("s", SLEEPER)
    made = ((f"s{number}", project.process(f"s{number}", *needs(number))) for number in range(50))
    services = [text.replace(f"path: {name}\n", "path: s\n") for name, text in made]
    project.configure_with("fuge_global: {monitor: false}", *services)
    project.up(wait=False)
    shown = opened(browser, page())
    shown.until(lambda: list(shown.statuses().values()) == ["running"] * 50)
    assert list(shown.statuses()) == [f"s{number}" for number in range(50)]
    assert shown.boxes().keys() == shown.statuses().keys()
    assert shown.ask("document.querySelectorAll('.arrow').length") == sum(len(needs(each)) for each in range(50))
    assert overlapping(shown) == []
    os.kill(project.ps()["s17"]["pid"], signal.SIGKILL)
    shown.until(lambda: shown.statuses()["s17"] == "failed" and shown.boxes()["s17"] == "failed")
    assert shown.text("#summary") == "49 of 50 running, 1 in trouble"
    shown.picture("fifty")
    shown.click(".all [data-operation=stop]")
    shown.until(lambda: set(shown.statuses().values()) <= {"stopped", "failed"})


def needs(number: int) -> list[str]:
    """Ten that all others need in some way, thirty in three layers, ten alone."""
    return [] if number < 10 or number >= 40 else [f"depends_on: [s{number - 10}]"]


def overlapping(shown: Shown) -> list[tuple[str, str]]:
    """Boxes that lie on each other."""
    script = """[...document.querySelectorAll('.box')].map(each => {
        const {left, top, right, bottom} = each.querySelector('.shape').getBoundingClientRect();
        return [each.dataset.service, left, top, right, bottom];
    })"""
    boxes = shown.ask(script)
    return [
        (one[0], other[0])
        for index, one in enumerate(boxes)
        for other in boxes[index + 1 :]
        if one[1] < other[3] and other[1] < one[3] and one[2] < other[4] and other[2] < one[4]
    ]


def focus(browser: WebDriver, selector: str) -> str:
    browser.execute_script("document.querySelector(arguments[0]).focus()", selector)
    return "focused" if browser.execute_script("return document.activeElement.matches(arguments[0])", selector) else ""


def severe(browser: WebDriver) -> list[str]:
    """What the browser complains of, such as something that the policy does not allow."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[attr-defined]
