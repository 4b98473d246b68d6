"""`fuge scale`, on the command line and in the shell, and replicas in all that is shown."""

import json
import os
import re
import signal

import psutil
import pytest
from fuge_project import Project, eventually

SLOW_END = "sh -c 'trap \"\" TERM; echo up; sleep 600 & wait; sleep 600' MARK"


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(project.server("web"), project.sleeper("other"))
    return project


def test_scale_from_a_second_terminal(system: Project) -> None:
    system.up()
    done = system.ok("scale", "web", "3")
    rows = system.ps()
    places = {name: f"http://127.0.0.1:{row['ports']['http']}" for name, row in rows.items() if row["ports"]}
    assert list(rows) == ["web", "web.2", "web.3", "other"]
    assert done.out == "".join(f"{name}: running at {place}\n" for name, place in places.items())
    assert system.ok("scale").out.splitlines() == [
        "service  instances  ready",
        "web      3          3",
        "other    1          1",
    ]
    assert system.ok("scale", "web", "--json").json == [{"service": "web", "instances": 3, "ready": 3}]
    assert "web.2 is running" in system.ok("why", "web.2").out
    assert f"SERVICE_PORT={rows['web.2']['ports']['http']}\n" in system.ok("env", "web.2").out
    assert "command: python -S -E main.py" in system.ok("info", "web.2").out
    assert [row["service"] for row in system.ok("ps", "--json").json] == ["web", "web", "web", "other"]
    assert re.search(r"^web\.3 +process +default +running", system.ok("ps").out, re.MULTILINE)
    down = system.ok("scale", "web", "1", "--json")
    assert [(each["service"], each["status"]) for each in down.json] == [
        *(("web", "running"), ("web.2", "stopped"), ("web.3", "stopped"))
    ]
    assert list(system.ps()) == ["web", "other"]
    system.down()
    said = {record["service"] for record in system.ok("logs", "web", "--json").lines}
    assert said == {"web", "web.2", "web.3"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("web 0", 1, "expected 1 to 100 instances of web, found 0; `fuge stop web` stops all of them"),
        ("web 101", 1, "expected 1 to 100 instances of web, found 101"),
        ("web -3", 2, "-3"),
        ("web two", 2, "expected a whole number, 0 or more, found 'two'"),
        ("wbe 2", 1, "did you mean 'web'?"),
        ("web 2 3", 2, "unrecognized arguments: 3"),
    ],
)
def test_what_is_wrong_with_a_scale_is_said(system: Project, words: str, code: int, said: str) -> None:
    system.up()
    done = system.fuge("scale", *words.split())
    assert done.code == code
    assert said in done.err
    assert list(system.ps()) == ["web", "other"]
    system.down()


def test_scale_needs_an_engine(system: Project) -> None:
    done = system.fuge("scale", "web", "2")
    assert done.code == 1
    assert "start it with `fuge up` or `fuge shell`" in done.err


def test_replicas_of_a_container_are_refused_in_the_file(project: Project) -> None:
    project.configure("store:\n  type: container\n  image: mongo\n  replicas: 2\n")
    done = project.fuge("check")
    assert done.code == 2
    assert done.err == (
        "fuge.yml:4:3 store.replicas: expected a key of a container, found 'replicas'; it belongs to a process\n"
    )


@pytest.mark.parametrize("count", ["0", "101", "two", "1.5"])
def test_replicas_of_the_file_are_a_number(project: Project, count: str) -> None:
    project.configure_with(project.sleeper("web", f"replicas: {count}"))
    assert "web.replicas: expected a whole number from 1 to 100, found" in project.fuge("check").err


def test_replicas_of_the_file_start_and_end_with_the_service(project: Project) -> None:
    project.configure_with(project.server("web", "replicas: 2"))
    up = project.begin("up", "--isolated")
    project.await_event("web.2", "ready")
    project.await_event("web", "ready")
    assert len(project.marked()) == 2
    up.send_signal(signal.SIGINT)
    out, _ = up.communicate(timeout=30)
    assert up.returncode == 0, out
    assert re.search(r"^web\.2 > ready at http://", out, re.MULTILINE)
    assert re.search(r"^web   > ready at http://", out, re.MULTILINE)
    assert not project.marked()


def test_second_ctrl_c_kills_replicas_that_are_leaving(project: Project) -> None:
    (project.folder / "web").mkdir()
    project.configure_with(project.process("web", "grace_period: 600", run=SLOW_END))
    up = project.begin("up")
    project.await_event("web", "ready")
    project.call("scale", name="web", count=2)
    eventually(lambda: "| up" in project.fuge("logs", "web.2").out)  # it ignores SIGTERM from then on
    project.ask("scale", name="web", count=1)
    project.await_event("web.2", "stopping")
    assert list(project.ps()) == ["web", "web.2"]
    up.send_signal(signal.SIGINT)
    project.await_event("web", "stopping")
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=60)
    assert not project.marked()


def test_killed_engine_leaves_no_replica(system: Project) -> None:
    system.up()
    system.call("scale", name="web", count=3)
    assert len(system.marked()) == 4
    psutil.Process(system.engine()).kill()
    eventually(lambda: not system.marked())
    system.up()
    assert list(system.ps()) == ["web", "other"]
    system.down()


def test_commands_in_the_folders_of_services_run_once(project: Project) -> None:
    project.configure_with(project.sleeper("web", "replicas: 3", "test: echo tested"))
    project.up()
    assert project.ok("test").out == "testing [web]: echo tested\ntested\npassed: 1 of 1\n"
    project.down()


def test_scale_in_the_shell(system: Project) -> None:
    done = system.ok("shell", give="start all\nscale web 2\nscale\nscale web 0\nscale web 1\nps\nexit\n")
    assert re.search(r"^web\.2 > ready at http://127.0.0.1:\d+$", done.out, re.MULTILINE)
    assert re.search(r"^web +2 +2$", done.out, re.MULTILINE)
    assert "`fuge stop web` stops all of them" in done.out
    assert re.search(r"^web\.2 > stopped$", done.out, re.MULTILINE)
    assert not re.search(r"^web\.2 +process", done.out, re.MULTILINE)


def test_scale_in_a_terminal(system: Project) -> None:
    terminal = system.terminal("shell")
    terminal.expect_exact("fuge>")
    terminal.send("start all\r")
    terminal.expect("other.*ready")
    terminal.expect_exact("fuge>")
    terminal.send("sca\t")  # which Tab completes
    terminal.expect_exact("le")
    terminal.send(" w\t")
    terminal.expect_exact("eb")
    terminal.send(" 2\r")
    terminal.expect(r"web\.2 >.*ready at http")
    terminal.expect_exact("fuge>")
    os.kill(system.ps()["web.2"]["pid"], signal.SIGKILL)
    terminal.expect(r"web\.2 >.*ended by SIGKILL")
    terminal.send("exit\r")
    terminal.wait()
    assert not system.marked()


def test_events_are_those_of_all_instances(system: Project) -> None:
    system.up()
    system.call("scale", name="web", count=2)
    lines = [json.loads(line) for line in system.ok("events", "web", "--json").out.splitlines()]
    assert {each["service"] for each in lines if each["event"] == "ready"} == {"web", "web.2"}
    only = [json.loads(line) for line in system.ok("events", "web.2", "--json").out.splitlines()]
    assert {each["service"] for each in only} == {"web.2"}
    system.down()
