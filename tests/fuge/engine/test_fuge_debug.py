"""Services under a debugger: debugpy for Python, the inspector for Node, each on a port of its own."""

import importlib.util
import json
import shutil
import socket

import pytest
from fuge_project import SERVER, Project, eventually
from helpers import needed

PYTHON = "python main.py MARK"


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def project_up(project: Project) -> Project:
    needed(importlib.util.find_spec("debugpy"), "debugpy")
    for name in ("one", "two"):
        project.script(name, SERVER)
    services = [project.server(name).replace("python -S -E main.py MARK", PYTHON) for name in ("one", "two")]
    project.configure_with(*services, project.process("shell", run="sh -c 'sleep 99; true MARK'"))
    project.up("one", "two")
    return project


def test_each_python_service_has_a_debugger_of_its_own(project_up: Project) -> None:
    where = [project_up.ok("debug", name, "--json").json for name in ("one", "two")]
    assert where[0]["port"] != where[1]["port"]
    for each in where:
        eventually(lambda each=each: answers(each["port"]))
    eventually(lambda: {row["status"] for name, row in project_up.ps().items() if name != "shell"} == {"running"})
    launch = json.loads((project_up.folder / ".fuge" / "launch.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["connect"]["port"]) for each in launch["configurations"]] == [
        ("fuge: one", where[0]["port"]),
        ("fuge: two", where[1]["port"]),
    ]
    project_up.down()
    assert not any(answers(each["port"]) for each in where)


def test_brk_waits_for_the_debugger(project_up: Project) -> None:
    done = project_up.ok("debug", "one", "--brk")
    assert "waits for a debugger at 127.0.0.1:" in done.out
    assert project_up.ps()["one"]["status"] == "starting"
    project_up.do("stop", "one")
    project_up.do("start", "one")
    assert "debugpy" not in project_up.ok("info", "one").out
    project_up.down()


def test_what_cannot_be_debugged_is_explained(project_up: Project) -> None:
    done = project_up.fuge("debug", "shell")
    assert done.code == 1
    assert "expected its run to begin with `python` or `node`, found" in done.err
    assert project_up.fuge("debug", "nobody").code == 1
    project_up.down()


def test_options_of_python_stay_options_of_python(project: Project) -> None:
    needed(importlib.util.find_spec("debugpy"), "debugpy")
    project.script("one", "import sys, time\nprint(sys.argv, sys.flags.dev_mode, flush=True)\ntime.sleep(99)\n")
    project.configure_with(project.process("one", "readiness: {log: main}", run="python -u -X dev main.py MARK"))
    project.up()
    project.ok("debug", "one")
    project.await_event("one", "ready", 2)
    said = project.ok("logs", "one").out.splitlines()
    assert said[0] == said[-1] == f"one | ['main.py', '{project.mark}'] True"
    project.do("stop", "one")
    assert not project.marked()
    project.down()


def test_program_that_ends_at_once_cannot_be_attached_to(project: Project) -> None:
    needed(importlib.util.find_spec("debugpy"), "debugpy")
    (project.folder / "one").mkdir()
    project.configure_with(
        project.process("one", run="python --nosuch main.py MARK"), project.process("gone", run="python x.py")
    )
    project.up("one", wait=False)
    done = project.fuge("debug", "one")
    assert done.code == 4
    assert "fuge: the debugger of one does not listen: ended with exit code " in done.err
    assert "gone cannot be debugged: the folder" in project.fuge("debug", "gone").err
    project.down()


def test_node_has_its_inspector(project: Project) -> None:
    needed(shutil.which("node"), "node")
    (project.folder / "one").mkdir()
    (project.folder / "one" / "main.js").write_text("setInterval(() => {}, 1000)\n")
    project.configure_with(project.process("one", run="node main.js MARK"))
    project.up()
    port = project.ok("debug", "one", "--json").json["port"]
    eventually(lambda: answers(port))
    project.down()
