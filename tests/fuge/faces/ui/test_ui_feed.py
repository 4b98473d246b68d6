"""What tabs are told: everything at first, then what changes, while services and fuge itself come and go."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

from aiohttp import ClientSession
from fuge_project import Project, free_ports
from fuge_ui import Page, Told

from fuge.faces.ui.lines import KEPT, LONGEST, MOST, Lines

Serve = Callable[..., Page]
COUNTER = """
import itertools, os, time
for number in itertools.count():
    print(os.getpid(), number, flush=True)
    time.sleep(0.01)
"""


async def told(client: ClientSession, page: Page) -> Told:
    return Told(await client.ws_connect("/api/live", headers={"Origin": page.base}))


async def test_everything_first_then_what_changes(project: Project, page: Serve) -> None:
    project.configure_with(project.server("one"), project.sleeper("two", "depends_on: [one]"))
    await asyncio.to_thread(project.up)
    served = page()
    async with served.client() as client:
        tab = await told(client, served)
        await tab.until(lambda: tab.system.get("running") and tab.rows["two"]["memory"] is not None)
        assert tab.messages[0]["full"] is True
        assert list(tab.rows) == ["one", "two"]
        assert tab.rows["two"]["depends_on"] == {"one": "ready"}
        assert tab.rows["one"]["status"] == "running"
        assert tab.rows["one"]["ports"].keys() == {"http"}
        await tab.until(lambda: "up" in tab.texts("two"))
        assert "ready" in {line["text"] for line in tab.lines if line["stream"] == "event"}
        before = len(tab.messages)
        os.kill(tab.rows["two"]["pid"], signal.SIGKILL)
        await tab.until(lambda: tab.rows["two"]["status"] == "failed")
        assert "SIGKILL" in tab.rows["two"]["reason"]
        assert not any(news.get("full") or "names" in news for news in tab.messages[before:])
        assert (await served.do("start", "two"))["results"][0]["ok"]
        await tab.until(lambda: tab.rows["two"]["status"] == "running")


async def test_what_goes_wrong_is_said_in_words(project: Project, page: Serve) -> None:
    project.script("bad", "raise SystemExit(7)")
    project.configure_with(project.process("bad", "readiness: {log: never}"))
    served = page()
    assert "start it with `fuge up`" in (await served.do("start", "bad"))["error"]
    await asyncio.to_thread(project.up, wait=False)
    assert "did you mean 'bad'?" in (await served.do("start", "bat"))["error"]
    [outcome] = (await served.do("start", "bad"))["results"]
    assert not outcome["ok"]
    assert "exit code 7" in outcome["text"]


async def test_it_outlives_fuge_and_misses_no_line(project: Project, page: Serve) -> None:
    project.script("counter", COUNTER)
    project.configure_with(project.process("counter"))
    served = page()
    async with served.client() as client:
        tab = await told(client, served)
        await tab.until(lambda: bool(tab.system.get("said")))
        assert tab.system["running"] is False
        assert "nothing runs for" in tab.system["said"]
        assert tab.rows["counter"]["status"] == "stopped", "as the file has it"
        for _ in range(2):
            await asyncio.to_thread(project.up)
            await tab.until(lambda: tab.system["running"] and tab.rows["counter"]["status"] == "running")
            count = len(tab.texts("counter"))
            await tab.until(lambda count=count: len(tab.texts("counter")) > count + 50)  # type: ignore[misc]
            await asyncio.to_thread(project.down)
            await tab.until(lambda: not tab.system["running"])
            assert tab.rows["counter"]["status"] == "stopped"
            assert tab.rows["counter"]["pid"] is None
        kept = [line.split(" ", 3)[3] for line in (project.folder / ".fuge/log/counter.log").read_text().splitlines()]
        await tab.until(lambda: len(tab.texts("counter")) >= len(kept))
        assert tab.texts("counter") == kept
        assert [line["number"] for line in tab.lines] == list(range(1, len(tab.lines) + 1))
        later = await told(client, served)
        await later.until(lambda: bool(later.lines))
        assert later.texts("counter") == kept[-len(later.texts("counter")) :]


async def test_a_killed_fuge_is_noticed(project: Project, page: Serve) -> None:
    project.configure_with(project.sleeper("one"))
    await asyncio.to_thread(project.up)
    served = page()
    async with served.client() as client:
        tab = await told(client, served)
        await tab.until(lambda: bool(tab.system.get("running")))
        os.kill(project.engine(), signal.SIGKILL)
        await tab.until(lambda: not tab.system["running"])
        assert tab.rows["one"]["status"] == "stopped"


async def test_a_service_that_joins_is_shown(project: Project, page: Serve) -> None:
    project.configure_with(project.sleeper("one"))
    await asyncio.to_thread(project.up)
    served = page()
    async with served.client() as client:
        tab = await told(client, served)
        await tab.until(lambda: "one" in tab.rows)
        await asyncio.to_thread(project.call, "scale", name="one", count=2)
        await tab.until(lambda: "one.2" in tab.rows and tab.rows["one.2"]["status"] == "running")
        assert tab.rows["one.2"]["service"] == "one"
        await asyncio.to_thread(project.call, "scale", name="one", count=1)
        await tab.until(lambda: list(tab.rows) == ["one"])


async def test_a_flood_is_bounded(project: Project, page: Serve) -> None:
    project.script("flood", "while True: print('x' * 10000)")
    project.configure_with(project.process("flood", "tail: false"), project.sleeper("calm"))
    await asyncio.to_thread(project.up)
    served = page()
    async with served.client() as client:
        tab = await told(client, served)
        await tab.until(lambda: len(tab.messages) > 10 and tab.messages[-1].get("lines") is not None)
        assert max(sum(len(line["text"]) for line in news.get("lines", [])) for news in tab.messages) <= MOST
        assert all(len(line["text"]) < LONGEST + 100 for line in tab.lines)
        [outcome] = (await served.do("stop", "flood"))["results"]
        assert outcome["status"] == "stopped"


async def test_details_of_a_service(project: Project, page: Serve) -> None:
    project.configure_with(
        f"fuge_global: {{dns_enabled: true, dns_namespace: shop, dns_port: {free_ports(1)[0]}}}",
        project.server("one"),
        project.server("two", "depends_on: [one]", "environment: [COLOUR=red]"),
    )
    served = page()
    async with served.client() as client:
        async with client.get("/api/services/two") as answer:
            assert answer.status == 409
            assert "start it with `fuge up`" in (await answer.json())["error"]
        await asyncio.to_thread(project.up)
        async with client.get("/api/services/two") as answer:
            found = await answer.json()
        async with client.get("/api/services/three") as answer:
            assert "no service or group is called 'three'" in (await answer.json())["error"]
    assert found["environment"]["COLOUR"] == "red"
    assert found["environment"]["ONE_SERVICE_HOST"] == "127.0.0.1"
    assert found["directory"] == str(project.folder / "two")
    assert "main.py" in found["run"]
    assert [each["service"] for each in found["why"]["depends_on"]] == ["one"]
    assert found["events"][-1]["event"] == "ready"
    assert {each["domain"] for each in found["zone"]["records"]} == {
        "two.shop.svc.cluster.local",
        "_http._tcp.two.shop.svc.cluster.local",
    }


def item(text: str, moment: float, **more: object) -> dict[str, object]:
    return {"time": moment, "service": "one", "stream": "out", "pid": 1, "text": text, **more}


def test_lines_that_are_there_are_not_added_again() -> None:
    lines = Lines()
    lines.add(item("a", 1))
    lines.add(item("b", 2))
    lines.add(item("b", 2))
    lines.add_missing([item("a", 1), item("b", 2), item("b", 2), item("b", 2), item("c", 3)])
    assert [line["text"] for line in lines.after(0)] == ["a", "b", "b", "b", "c"]
    assert [line["text"] for line in lines.after(4)] == ["c"]
    assert lines.after(5) == []


def test_what_is_told_at_once_is_bounded_and_newest() -> None:
    lines = Lines()
    for number in range(KEPT + 10):
        lines.add(item(f"{number:04}" + "x" * 9996, number))
    found = lines.after(0)
    assert sum(len(line["text"]) for line in found) <= MOST
    assert [line["number"] for line in found] == list(range(lines.last - len(found) + 1, lines.last + 1))
    assert found[-1]["text"].endswith("(6000 more characters: see `fuge logs one`)")


def test_an_event_is_a_line_if_it_has_a_text() -> None:
    lines = Lines()
    lines.add({"time": time.time(), "event": "ready", "service": "one", "text": "ready\nat last"})
    lines.add({"time": time.time(), "event": "quiet", "service": "one", "text": ""})
    assert [(line["stream"], line["text"]) for line in lines.after(0)] == [("event", "ready\nat last")]


def test_what_steers_a_terminal_is_not_passed_on() -> None:
    lines = Lines()
    lines.add(item("\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07 \x07end", 1))
    assert lines.after(0)[0]["text"].startswith("\x1b[31mred\x1b[0m  ␇end")
