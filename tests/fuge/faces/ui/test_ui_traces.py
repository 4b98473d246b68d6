"""The waterfall: by the real server and browser, of traces that are made up."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from fuge_project import Project
from fuge_ui import Page, Shown
from selenium.webdriver.remote.webdriver import WebDriver

from fuge.faces.session import Session
from fuge.faces.traces import NOT_ENABLED
from fuge.faces.ui import traces
from fuge.faces.ui.command import serving

TRACE = "0af7651916cd43dd8448eb211c80319c"
BEGIN = 1_795_000_000.0


def span(
    number: str, parent: str, service: str, name: str, start: float, duration: float, **more: Any
) -> dict[str, Any]:
    known = {"trace_id": TRACE, "span_id": number, "parent_id": parent, "service": service, "name": name}
    return known | {"start": BEGIN + start, "duration": duration, "error": False, "attributes": {}} | more


SPANS = [
    span("c", "b", "stock", "take <b>tea</b>", 0.03, 0.02, error=True, attributes={"items": 2, "who": "<i>me</i>"}),
    span("a", "", "webapp", "POST /order", 0, 0.1),
    span("b", "a", "orders", "order", 0.01, 0.08),
    span("d", "lost", "mail", "send", 0.06, 0.005),
]


async def made_up(_: Session) -> dict[str, Any]:
    known = {"trace_id": TRACE, "service": "webapp", "name": "POST /order", "start": BEGIN, "duration": 0.1}
    return {"traces": [known | {"spans": len(SPANS), "error": True}], "reason": ""}


async def its_spans(_: Session, trace_id: str) -> dict[str, Any]:
    assert trace_id == TRACE
    return {"spans": SPANS, "reason": ""}


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server in this process, in a thread of its own."""
    monkeypatch.setattr(traces, "recent", made_up)
    monkeypatch.setattr(traces, "one", its_spans)
    loop, begun, ending = asyncio.new_event_loop(), Future[str](), asyncio.Event()

    async def serve() -> None:
        async with serving(Session.at(tmp_path / "fuge.yml", {}, as_json=False)) as found:
            begun.set_result(found)
            await ending.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    yield begun.result(30)
    loop.call_soon_threadsafe(ending.set)
    thread.join(30)
    loop.close()


def test_a_waterfall(address: str, browser: WebDriver) -> None:
    browser.get(address)
    shown = Shown(browser)
    shown.click("#tab-traces")
    shown.click("#traces button")
    shown.until(lambda: shown.ask("document.querySelectorAll('#trace .span').length") == 4)
    names = shown.ask("[...document.querySelectorAll('#trace .span-name')].map(each => each.textContent)")
    assert names == ["webapp POST /order", "orders order", "stock take <b>tea</b>", "mail send"]
    lefts = shown.ask("[...document.querySelectorAll('#trace .bar')].map(each => parseFloat(each.style.left))")
    widths = shown.ask("[...document.querySelectorAll('#trace .bar')].map(each => parseFloat(each.style.width))")
    assert lefts == pytest.approx([0, 10, 30, 60], abs=0.1)
    assert widths == pytest.approx([100, 80, 20, 5], abs=0.1)
    assert "error" in shown.text("#trace .bad .span-time")
    shown.click("#trace .bad")
    assert "<i>me</i>" in shown.text("#span")
    assert shown.ask("document.querySelectorAll('#view-traces b, #view-traces i').length") == 0
    shown.picture("traces")


async def test_without_traces_it_is_said_why(project: Project) -> None:
    project.configure_with(project.sleeper("one"))
    served = await asyncio.to_thread(Page, project)
    async with served.client() as client:
        async with client.get("/api/traces") as answer:
            assert await answer.json() == {"traces": [], "reason": NOT_ENABLED}
        async with client.get(f"/api/traces/{TRACE}") as answer:
            assert "expected the id of a trace that is kept" in (await answer.json())["error"]
    async with ClientSession(served.base) as client, client.get("/api/traces") as answer:
        assert answer.status == 403
