"""The command: what it prints, what it says when it cannot serve, how it ends."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable

import pytest
from fuge_project import Project, eventually, free_ports
from fuge_ui import Page

from fuge import NotInstalledError
from fuge.faces.session import Session
from fuge.faces.ui.command import serving

Serve = Callable[..., Page]


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(project.sleeper("one"))
    return project


def test_the_address_is_printed_and_ctrl_c_ends_it(system: Project, page: Serve) -> None:
    served = page()
    assert served.address == f"http://127.0.0.1:{served.port}/?token={served.token}"
    assert len(served.token) >= 40
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(30) == 130


def test_a_token_is_not_used_twice(system: Project, page: Serve) -> None:
    assert page().token != page().token


def test_as_data(system: Project) -> None:
    process = system.begin("ui", "--json")
    assert process.stdout
    text = "".join(process.stdout.readline() for _ in range(3))
    assert json.loads(text)["address"].startswith("http://127.0.0.1:")


def test_a_taken_port_is_said_with_its_holder(system: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = system.fuge("ui", "--port", str(port))
    assert done.code == 1
    assert f"expected a free port, found {port} taken by pid" in done.err


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
def test_what_is_no_port(system: Project, port: str) -> None:
    done = system.fuge("ui", f"--port={port}")
    assert done.code == 2
    assert "expected a port, 1 to 65535" in done.err


async def test_without_aiohttp_the_extra_is_named(system: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("fuge.faces.ui.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(NotInstalledError, match=r'install the extra ui \(pip install "microservices-workbook\[ui\]"'):
        async with serving(Session.at(system.file, {}, as_json=False)):
            pass


def test_in_the_shell_it_is_a_command(system: Project) -> None:
    terminal = system.terminal("shell")
    terminal.expect("fuge>")
    terminal.sendline(f"ui --port {free_ports(1)[0]}")
    terminal.expect(r"http://127\.0\.0\.1:\d+/\?token=\S+")
    assert "<title>fuge</title>" in read(terminal.match[0])  # type: ignore[index]
    terminal.sendintr()
    terminal.expect("fuge>")
    terminal.sendline("exit")
    eventually(lambda: not terminal.isalive())


def test_the_browser_is_asked_to_open_it_in_a_terminal_alone(system: Project, page: Serve) -> None:
    asked = system.folder / "asked"
    browser = system.folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {asked}\n')
    browser.chmod(0o700)
    system.environment["BROWSER"] = str(browser)
    page("--open")  # its output is read by this test, and not by somebody in front of a screen
    terminal = system.terminal("ui", "--open")
    terminal.expect(r"http://127\.0\.0\.1:\d+/\?token=\S+")
    eventually(lambda: asked.exists() and asked.read_text().endswith("\n"))
    assert asked.read_text().split() == [terminal.match[0]]  # type: ignore[index]


def test_beside_the_services_of_a_foreground(system: Project) -> None:
    process = system.begin("up", "--ui")
    address = printed(process)
    assert "<title>fuge</title>" in read(address)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def work_in_a_shell(system: Project) -> None:
    process = system.begin("shell", "--ui")
    assert "<title>fuge</title>" in read(printed(process))
    assert process.stdin
    process.stdin.write("exit\n")
    process.stdin.flush()
    assert process.wait(30) == 0


def test_beside_a_shell(system: Project) -> None:
    work_in_a_shell(system)


def test_beside_a_shell_about_a_system_that_runs(system: Project) -> None:
    system.up()
    work_in_a_shell(system)


def test_not_beside_what_goes_to_the_background(system: Project) -> None:
    done = system.fuge("up", "-d", "--ui")
    assert done.code == 2
    assert "`fuge ui`" in done.err


def printed(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    for line in process.stdout:
        if "token=" in line:
            return line.split()[-1]
    raise AssertionError("no address")


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())
