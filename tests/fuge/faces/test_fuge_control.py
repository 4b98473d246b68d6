"""The control socket against clients that do not behave, each alone."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from fuge_project import Project, eventually

from fuge import Engine
from fuge.faces import control
from fuge.faces.operations import Direct


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One engine for all that should do it no harm."""
    project = Project(tmp_path_factory.mktemp("control"))
    project.configure_with(project.server("web"), project.server("other", "enabled: false"))
    project.up()
    yield project
    project.down()
    project.close()


def connection(project: Project) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(30)
    made.connect(json.loads((project.folder / ".fuge" / "engine.json").read_text())["socket"])
    return made


def answer_to(client: socket.socket) -> dict[str, Any]:
    with client.makefile() as lines:
        return dict(json.loads(lines.readline()))


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"operation": "ps", "arguments": {"words": [{}]}}',
        b'{"operation": "ps", "arguments": {"words": [5, null]}}',
        b'{"operation": ["ps"], "arguments": {"words": []}}',
        b'{"operation": "start", "arguments": {"words": {"a": 1}}}',
        b'{"operation": "info", "arguments": {"name": []}}',
        b'{"operation": "info", "arguments": [1]}',
        b'{"operation": "watch", "arguments": {"words": ["web"]}}',
        b'{"operation": "debug", "arguments": {"name": null}}',
        b'{"operation": "run", "arguments": {"name": 1.5}}',
        b"null",
        b"x" * 3_000_000,
    ],
    ids=lambda line: repr(line[:60]),
)
def test_request_that_is_none_is_answered(system: Project, line: bytes) -> None:
    with connection(system) as client:
        try:
            client.sendall(line + b"\n")
            answer = answer_to(client)
        except ConnectionError:  # a request beyond all measure is cut off
            answer = {"error": "", "exit_code": 2}
    assert answer["exit_code"] in (1, 2)
    assert system.ps()["web"]["status"] == "running"


def test_silent_client_is_let_go(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PATIENCE", 0.2)
    project.configure_with(project.sleeper("x"))

    async def ask() -> dict[str, Any]:
        async with Engine(project.file) as engine, control.Control(Direct(engine), engine.claim.socket):
            with connection(project) as client:
                return await asyncio.to_thread(answer_to, client)

    assert "expected one line" in asyncio.run(ask())["error"]


def test_what_a_client_says_after_its_line_takes_no_memory(project: Project) -> None:
    """While it waits for an answer, as for a service that does not get ready."""
    project.configure_with(project.sleeper("x", "readiness: {log: never}"))
    project.up(wait=False)
    engine = psutil.Process(project.engine())
    with connection(project) as client:
        client.sendall(b'{"operation": "start", "arguments": {"words": ["x"]}}\n')
        client.sendall(b"x" * 1_000_000)
        before = engine.memory_info().rss
        for _ in range(100):
            client.sendall(b"x" * 1_000_000)
        assert engine.memory_info().rss - before < 32 << 20
    project.down()


def test_silent_clients_do_not_delay_the_end(project: Project) -> None:
    project.configure_with(project.sleeper("x"))
    project.up()
    clients = [connection(project) for _ in range(20)]
    project.down()
    for client in clients:
        client.close()


def test_followers_that_come_and_go_leave_nothing(system: Project) -> None:
    for _ in range(30):
        client = connection(system)
        client.sendall(b'{"operation": "follow"}\n')
        assert json.loads(client.recv(100)) == {"following": True}
        client.close()
    engine = psutil.Process(system.engine())
    before = engine.num_fds()
    system.call(
        "restart", words=["web"]
    )  # what happens is told to followers, of which those that are gone are found out
    eventually(lambda: engine.num_fds() <= before)
    eventually(lambda: engine.num_fds() < 40)


def test_follower_that_reads_sees_everything_in_order(project: Project) -> None:
    project.script(
        "counter", "for number in range(20000): print(number)\nimport time\nprint('end', flush=True)\ntime.sleep(99)"
    )
    project.configure_with(project.process("counter", "readiness: {log: end}"), project.sleeper("x"))
    project.up("x")
    with connection(project) as client, client.makefile() as lines:
        client.sendall(b'{"operation": "follow"}\n')
        lines.readline()
        project.ask("start", words=["counter"])
        seen = []
        while not seen or seen[-1] != "end":
            item = json.loads(lines.readline())
            seen += [item["text"]] if "stream" in item and item["service"] == "counter" else []
    assert seen == [*map(str, range(20000)), "end"]
    project.down()


def test_answer_of_any_size_arrives(project: Project) -> None:
    project.configure_with(
        project.sleeper("x", f"environment: [BIG={'x' * 1_000_000}]").replace("python -S -E", "true")
    )
    project.up(wait=False)
    assert len(asyncio.run(environment(project))["BIG"]) == 1_000_000
    project.down()


async def environment(project: Project) -> dict[str, str]:
    from fuge import Client

    found: dict[str, str] = await Client(project.file).call("env", name="x")
    return found
