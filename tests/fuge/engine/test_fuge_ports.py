"""Ports: one that is taken, others than the file says, and free ones for a copy that runs beside."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fuge_project import Project, eventually, free_ports

from fuge import ports


def test_a_taken_port_names_its_holder(project: Project) -> None:
    (port,) = free_ports(1)
    project.configure_with(project.server("web", port=port), project.server("api"))
    command = [sys.executable, "-S", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with subprocess.Popen(command, cwd=project.folder, stderr=subprocess.DEVNULL) as other:
        eventually(lambda: not ports.is_free(port))
        done = project.fuge("up", "-d", "--wait")
        assert done.code == 4
        assert f"port {port} (web/http) is held by pid {other.pid} " in done.out
        assert f"http.server {port} --bind 127.0.0.1 (in {project.folder.resolve()})" in done.out
        assert "api: running" in done.out
        other.send_signal(signal.SIGTERM)
    assert "web: running" in project.ok("start", "web").out
    project.down()


@pytest.mark.parametrize("way", ["option", "environment"])
def test_another_port_for_this_run(project: Project, way: str) -> None:
    (port,) = free_ports(1)
    project.configure_with(project.server("web"), project.sleeper("other"))
    if way == "option":
        project.ok("--port", f"web={port}", "up", "-d", "--wait")
    else:
        project.ok("up", "-d", "--wait", FUGE_PORTS=f"web.http={port}")
    assert project.ps()["web"]["ports"] == {"http": port}
    assert not ports.is_free(port)
    assert f"WEB_SERVICE_PORT={port}\n" in project.ok("env", "other").out
    project.down()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("web", "expected SERVICE=PORT or SERVICE.NAME=PORT, found 'web'"),
        ("web=x", "found 'web=x'"),
        ("web=70000", "found 'web=70000'"),
        ("nobody=4000", "nobody"),
        ("web.nothing=4000", "nothing"),
    ],
)
def test_a_port_that_is_none_is_explained(project: Project, word: str, said: str) -> None:
    project.configure_with(project.server("web"))
    done = project.fuge("up", FUGE_PORTS=word)
    assert done.code == 2
    assert said in done.err


def test_copies_run_side_by_side_when_isolated(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    project.configure_with(project.server("web"), project.sleeper("other"))
    copy = Project(tmp_path_factory.mktemp("copy"))
    copy.mark = project.mark
    shutil.copytree(project.folder, copy.folder, dirs_exist_ok=True)
    try:
        for each in (project, copy):
            each.ok("up", "-d", "--wait", "--isolated")
        numbers = [each.ps()["web"]["ports"]["http"] for each in (project, copy)]
        assert numbers[0] != numbers[1]
        for each, number in zip((project, copy), numbers, strict=True):
            assert f"WEB_SERVICE_PORT={number}\n" in each.ok("env", "other").out
            assert {row["status"] for row in each.ps().values()} == {"running"}
        project.down()
        assert copy.ps()["web"]["status"] == "running"
    finally:
        copy.ok("down")
        copy.close()


def test_free_ports_are_of_the_range_that_the_environment_names(project: Project) -> None:
    project.configure_with(project.server("web"))
    project.ok("up", "-d", "--wait", "--isolated", FUGE_FREE_PORTS="19000-19099")
    assert project.ps()["web"]["ports"]["http"] in range(19000, 19100)
    project.down()


@pytest.mark.parametrize("word", ["", "21000", "21000-", "21000-20999", "0-100", "21000-70000", "21000-x"])
def test_a_range_of_ports_that_is_none_is_explained(project: Project, word: str) -> None:
    project.configure_with(project.server("web"))
    done = project.fuge("up", "--isolated", FUGE_FREE_PORTS=word)
    assert done.code == 1
    assert done.err == f"fuge: FUGE_FREE_PORTS: expected two ports such as 21000-21999, found {word!r}\n"


def test_data_can_be_kept_elsewhere(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("data")
    project.configure_with(project.server("web"))
    project.ok("up", "-d", "--wait", FUGE_DATA=str(elsewhere))
    assert (elsewhere / "log" / "web.log").is_file()
    assert not (project.folder / ".fuge").exists()
    assert project.fuge("ps").code == 1  # another data folder is another system
    project.ok("down", FUGE_DATA=str(elsewhere))


def test_a_port_of_another_host_is_left_to_it(project: Project) -> None:
    """An address that is not of this machine cannot be looked at: it is no reason not to start."""
    project.configure_with(project.process("web", "host: 192.0.2.1", "ports: [main=80]", "readiness: started"))
    Path(project.folder, "web").mkdir()
    Path(project.folder, "web", "main.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    project.up()
    assert "WEB_SERVICE_HOST=192.0.2.1\n" in project.ok("env", "web").out
    project.down()
