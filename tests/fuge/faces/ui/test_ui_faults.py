"""Faults on the page: put there and taken away by its form, and seen in the table and the picture."""

import asyncio
from collections.abc import Callable

import pytest
from fuge_project import Project
from fuge_ui import Page, Shown
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select

Serve = Callable[..., Page]


def put(shown: Shown, service: str, kind: str, number: int | None = None) -> None:
    """As somebody does it who has the page before them."""
    shown.click(f".row[data-service={service}] .name")
    shown.until(lambda: shown.ask("document.querySelector('.fault-form') !== null"))
    form = shown.browser.find_element(By.CLASS_NAME, "fault-form")
    Select(form.find_element(By.TAG_NAME, "select")).select_by_value(kind)
    field = form.find_element(By.TAG_NAME, "input")
    assert field.is_displayed() == (number is not None)
    if number is not None:
        field.clear()
        field.send_keys(str(number))
    form.find_element(By.TAG_NAME, "button").click()


def clear(shown: Shown) -> None:
    shown.click(".fault-form button[type=button]")
    shown.until(lambda: "There is none" in shown.text(".fault-form"))
    shown.click("#detail-close")


def faults(shown: Shown) -> dict[str, str]:
    """Of the table, by service, as far as they are to be seen."""
    text = "each.querySelector('.fault').checkVisibility() ? each.querySelector('.fault').textContent : ''"
    script = f"[...document.querySelectorAll('.row[data-service]')].map(each => [each.dataset.service, {text}])"
    return {name: text for name, text in shown.ask(script) if text}


def test_faults_by_the_form(project: Project, page: Serve, browser: WebDriver) -> None:
    project.configure_with(project.server("api"), project.sleeper("caller", "depends_on: [api]"))
    project.up()
    browser.get(page().address)
    shown = Shown(browser)
    shown.until(lambda: set(shown.statuses().values()) == {"running"})
    assert faults(shown) == {}

    put(shown, "api", "latency", 1200)
    shown.until(lambda: faults(shown) == {"api": "on the way to it: latency 1200 ms"})
    shown.until(lambda: "There is one on the way to it: latency 1200 ms." in shown.text(".fault-form"))
    assert shown.text(".box.faulty .word") == "latency 1200 ms"
    assert [each["latency"] for each in project.call("faults")] == [1.2]
    shown.picture("fault-details")
    shown.click("#detail-close")
    shown.picture("fault")
    for kind, number, text in (("drop", 50, "drop 50%"), ("pause", None, "pause"), ("down", None, "down")):
        put(shown, "api", kind, number)
        shown.until(lambda text=text: faults(shown) == {"api": f"on the way to it: {text}"})  # type: ignore[misc]
        shown.click("#detail-close")

    shown.click(".row[data-service=api] .name")
    shown.until(lambda: "There is one" in shown.text(".fault-form"))
    clear(shown)
    shown.until(lambda: faults(shown) == {} and not shown.ask("document.querySelectorAll('.faulty').length"))
    assert project.call("faults") == []

    shown.click(".row[data-service=caller] .name")
    shown.until(lambda: "Environment" in shown.text("#detail-body"))
    assert not shown.ask("document.querySelectorAll('.fault-form').length"), "nobody calls it"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"fault": {"latency": 0.1}, "services": []}, 400, "expected"),
        ({"fault": {"latency": 0.1}}, 400, "expected"),
        ({"services": ["api"]}, 400, "expected"),
        ({"fault": {"latency": "long"}, "services": ["api"]}, 409, "latency"),
        ({"fault": {"speed": 1}, "services": ["api"]}, 409, "speed"),
        ({"fault": 5, "services": ["api"]}, 409, "expected a fault such as"),
        ({"fault": {"down": True}, "services": ["apu"]}, 409, "did you mean 'api'?"),
    ],
)
async def test_what_is_no_fault_is_told(
    project: Project, page: Serve, body: dict[str, object], status: int, said: str
) -> None:
    project.configure_with(project.server("api"))
    await asyncio.to_thread(project.up)
    served = page()
    async with served.client(Origin=served.base) as client, client.post("/api/faults", json=body) as answer:
        assert answer.status == status
        assert said in (await answer.json())["error"]
    assert await asyncio.to_thread(project.call, "faults") == []
