"""The metrics of a service on the page: in a real browser, of real services that send them by mu."""

import asyncio
import signal
from collections.abc import Callable

from fuge_metrics import PATH, gauge, has_failures, measured, request, route, shop
from fuge_project import Project, free_ports
from fuge_traces import enabled, port_of, post
from fuge_ui import Page, Shown
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from fuge.faces.metrics import NOT_ENABLED

ROWS = "[...document.querySelectorAll('.metrics tbody tr')].map(row => [...row.children].map(cell => cell.textContent))"


def opened(browser: WebDriver, page: Page, service: str) -> Shown:
    browser.get(page.address)
    shown = Shown(browser)
    shown.click(f".row[data-service={service}] .name")
    shown.until(lambda: shown.text(".metrics"))
    return shown


def test_routes_are_shown_with_how_they_do(project: Project, page: Callable[..., Page], browser: WebDriver) -> None:
    project.configure_with(enabled(free_ports(1)[0]), *shop(project))
    project.up()
    measured(project, "orders", has_failures("outbound", "role: stock"))
    shown = opened(browser, page(), "orders")
    shown.until(lambda: len(shown.ask(ROWS)) == 3)
    stock, away, mail = shown.ask(ROWS)
    assert stock[0] == "outbound"
    assert stock[1].startswith("role: stocktcp 127.0.0.1:")
    assert float(stock[3]) > 0
    assert "✕" in stock[4]
    assert away[1] == "role: awaybreaker (tcp 127.0.0.1:1)"
    assert away[7] == "breaker open"
    assert (mail[2], mail[7]) == ("3", "outbox 3")
    assert "orders: 0 waiting, 0 handling" in shown.text(".metrics > .hint")
    shown.until(lambda: int(shown.ask(ROWS)[0][2]) > int(stock[2]))
    assert shown.ask("document.querySelector('.metrics table caption').textContent") == "Routes"
    headings = shown.ask(
        "[...document.querySelectorAll('.metrics thead th')].map(each => [each.scope, each.textContent])"
    )
    assert headings == [["col", word] for word in ("Kind", "Route", "Calls", "Per s", "Errors", "p50", "p99", "State")]
    assert shown.ask("[...document.querySelectorAll('.metrics tbody th')].every(each => each.scope === 'row')")
    shown.picture("metrics")
    assert [each for each in browser.get_log("browser") if each["level"] == "SEVERE"] == []  # type: ignore[attr-defined]


def test_table_can_be_reached_and_moved_by_keys_and_stays_in_place(
    project: Project, page: Callable[..., Page], browser: WebDriver
) -> None:
    project.configure_with(enabled(free_ports(1)[0]), *shop(project))
    project.up()
    measured(project, "orders", lambda found: route(found, "outbound", "role: stock")["calls"])
    size = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)  # type: ignore[attr-defined]
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})  # type: ignore[attr-defined]
    shown = opened(browser, page(), "orders")
    shown.until(lambda: len(shown.ask(ROWS)) == 3)
    browser.find_element("css selector", "#detail-close").send_keys(Keys.TAB, Keys.TAB, Keys.TAB)
    assert browser.switch_to.active_element.accessible_name == "Routes and how they do"
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT * 3)
    shown.until(lambda: shown.ask("document.activeElement.scrollLeft") > 0)
    before = shown.ask("document.querySelector('.metrics tbody tr').children[2].textContent")
    shown.until(lambda: shown.ask("document.querySelector('.metrics tbody tr').children[2].textContent") != before)
    assert shown.ask("document.activeElement.className") == "wide"
    assert shown.ask("document.activeElement.scrollLeft") > 0
    assert shown.ask("document.documentElement.scrollWidth <= innerWidth")
    shown.picture("metrics-small-dark")


def test_what_is_sent_is_text(project: Project, page: Callable[..., Page], browser: WebDriver) -> None:
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("one"))
    project.up()
    odd = "<b>x</b>"
    about = {"mu__at": odd, "rpc__method": odd, "mu__kind": odd, "mu__target": odd}
    body = request([gauge("mu.routes", 1, **about)], service="one", instance="one")
    assert asyncio.run(post(port_of(project), body, path=PATH))[0] == 200
    shown = opened(browser, page(), "one")
    shown.until(lambda: [each[0] for each in shown.ask(ROWS)] == [odd])
    assert shown.ask("document.querySelectorAll('.metrics b').length") == 0


def test_why_there_is_nothing_is_said(project: Project, page: Callable[..., Page], browser: WebDriver) -> None:
    project.configure_with(project.sleeper("one"))
    project.up()
    served = page()
    shown = opened(browser, served, "one")
    shown.until(lambda: shown.text(".metrics > .hint") == NOT_ENABLED)
    assert shown.ask("document.querySelector('.wide').hidden")
    served.process.send_signal(signal.SIGINT)
    shown.until(lambda: shown.text(".metrics > .hint") == "`fuge ui` does not answer")
