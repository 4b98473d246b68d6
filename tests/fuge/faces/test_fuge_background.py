"""`fuge up -d`, and every command from a second terminal."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest
from fuge_project import Project, eventually

from fuge import Client, FugeError, NotRunningError
from fuge.faces import background


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(
        project.server("adder_service"), project.server("webapp", "depends_on: [adder_service]", "group: frontend")
    )
    return project


def test_everything_from_a_second_terminal(system: Project) -> None:
    up = system.ok("up", "-d", "--wait")
    rows = system.ps()
    addresses = {name: f"http://127.0.0.1:{row['ports']['http']}" for name, row in rows.items()}
    assert up.out == "".join(f"{name}: running at {address}\n" for name, address in addresses.items())
    again = system.ok("up", "-d", "--wait")
    assert again.out == up.out
    assert system.ps()["webapp"]["pid"] == rows["webapp"]["pid"]
    pid = int(system.ok("pid").out)
    assert psutil.Process(pid).is_running()
    long = system.ok("ps", "-l").out
    assert f"http={rows['webapp']['ports']['http']}" in long
    assert "webapp is running" in system.ok("why", "webapp").out
    assert "command: python -S -E main.py" in system.ok("info", "webapp").out
    assert "inherited environment:" in system.ok("info", "webapp", "full").out
    assert "SERVICE_PORT=" in system.ok("env", "webapp").out
    assert "webapp ready: ready at http" in system.ok("events", "webapp").out
    assert system.ok("stop", "webapp").out == "webapp: stopped\n"
    assert system.ok("stop", "webapp").out == "not running: webapp\n"
    assert system.ok("start", "webapp").out == f"adder_service: running at {addresses['adder_service']}\n" + (
        f"webapp: running at {addresses['webapp']}\n"
    )
    assert system.ok("restart", "frontend").out == f"webapp: running at {addresses['webapp']}\n"
    assert system.ps()["webapp"]["pid"] != rows["webapp"]["pid"]
    assert system.ok("unwatch", "all").out == "adder_service: unwatch\nwebapp: unwatch\n"
    assert system.ok("untail", "webapp").out == "webapp: untail\n"
    row = system.ps()["webapp"]
    assert (row["watch"], row["tail"]) == (False, False)
    assert system.ok("down").out == "adder_service: stopped\nwebapp: stopped\n"
    assert not system.marked()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_up_d_of_some_services(system: Project) -> None:
    system.ok("up", "-d", "--wait", "adder_service")
    assert [row["status"] for row in system.ps().values()] == ["running", "stopped"]
    system.ok("up", "-d", "--wait", "frontend")
    assert [row["status"] for row in system.ps().values()] == ["running", "running"]
    system.down()


def test_up_d_survives_its_terminal(system: Project) -> None:
    terminal = system.terminal("up", "-d", "--wait")
    terminal.expect_exact("webapp: running at")
    terminal.wait()
    terminal.close()
    assert system.ps()["webapp"]["status"] == "running"
    system.down()


def test_up_wait_of_something_that_fails(project: Project) -> None:
    project.script("broken", "import sys\nprint('no such table', file=sys.stderr)\nsys.exit(3)")
    project.configure_with(project.process("broken", "readiness: {log: never}"), project.server("fine"))
    done = project.fuge("up", "--wait")
    assert done.code == 4
    assert done.out.startswith("broken: ended with exit code 3\nfine: running at http://127.0.0.1:")
    assert done.out.endswith("broken | no such table\n")
    project.down()


def test_up_wait_has_a_timeout(project: Project) -> None:
    project.configure_with(project.sleeper("slow", "readiness: {log: never, timeout: 60}"), project.server("fine"))
    project.ok("up", "-d")
    project.await_event("fine", "ready")
    eventually(lambda: project.ok("logs", "slow").out == "slow | up\n")
    done = project.fuge("up", "--wait", "--timeout", "0.5")
    assert done.code == 4
    assert "slow: starting\n" in done.out
    assert "slow | up\n" in done.out
    assert "fine |" not in done.out
    assert done.err == "fuge: not ready within 0.5 s; `fuge why SERVICE` tells more\n"
    assert project.ps()["slow"]["status"] == "starting"
    project.down()


def test_up_wait_of_a_taken_port(project: Project) -> None:
    project.configure_with(project.server("webapp"))
    port = int(project.ok("env", "webapp", "--json").json["SERVICE_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        done = project.fuge("up", "--wait")
        assert done.code == 4
        assert f"webapp: port {port} (webapp/http) is held by pid {os.getpid()} " in done.out
        assert f"(in {Path.cwd()})" in done.out
        assert project.fuge("start", "webapp").code == 4
    assert project.ok("start", "webapp").out.startswith("webapp: running at")
    project.down()


def test_killed_engine_leaves_no_trace_for_the_next_one(system: Project) -> None:
    for _ in range(2):
        assert system.ok("up", "-d", "--wait").err == ""
        os.kill(system.engine(), signal.SIGKILL)
    done = system.ok("up", "-d", "--wait")
    assert "socket" not in done.out + done.err
    assert len(system.marked()) == 2
    os.kill(system.engine(), signal.SIGKILL)
    eventually(lambda: not system.marked())
    stopped = system.fuge("ps")
    assert (stopped.code, "nothing runs" in stopped.err) == (1, True)


def test_engine_that_cannot_start_says_why(system: Project) -> None:
    holder = system.begin("up")
    system.await_event("webapp", "ready")
    card = system.folder / ".fuge" / "engine.json"
    said = json.loads(card.read_text())
    card.unlink()  # so that the second one believes that there is none
    done = system.fuge("up", "-d")
    assert done.code == 1
    assert "is running already" in done.err
    card.write_text(json.dumps(said))
    holder.terminate()
    holder.wait(30)


def test_engine_that_does_not_answer_in_time_is_ended(system: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "PATIENCE", 0.01)  # in which no Python starts
    logs = system.folder / ".fuge" / "log"
    with pytest.raises(FugeError, match=r"the background fuge did not answer within 0\.01 s; see .*fuge\.out"):
        asyncio.run(background.launch(system.file, logs, {}, isolated=False))
    eventually(lambda: not processes_of(system))


def processes_of(system: Project) -> list[psutil.Process]:
    """Those that run its fuge.yml."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(system.file) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_engine_that_ends_before_its_answer_is_told(system: Project, tmp_path: Path) -> None:
    """By an engine that takes every request, and ends."""
    data = system.folder / ".fuge"
    data.mkdir()
    card = {"socket": str(tmp_path / "s"), "file": str(system.file)}
    (data / "engine.json").write_text(json.dumps(card))

    async def scene() -> None:
        async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.close()

        async with await asyncio.start_unix_server(end, card["socket"]):
            with pytest.raises(NotRunningError, match=f"the fuge that ran {system.file} has ended"):
                await Client(system.file).call("ps", words=[])
            assert [each async for each in Client(system.file).follow()] == []

    asyncio.run(scene())


def test_follower_sees_what_comes_and_ends_with_the_engine(system: Project) -> None:
    system.ok("up", "-d", "--wait")
    process = system.begin("events", "-f", "webapp")
    assert process.stdout
    eventually(lambda: "ready" in process.stdout.readline())
    system.do("restart", "webapp")
    for word in ("stopping", "starting", "ready"):
        assert f"webapp {word}: " in process.stdout.readline()
    system.down()
    assert process.wait(30) == 0


def test_client_that_waits_is_interrupted_and_the_service_goes_on(project: Project) -> None:
    project.configure_with(project.sleeper("slow", "readiness: {log: never, timeout: 60}"))
    project.ok("up", "-d")
    client = project.begin("restart", "slow")
    eventually(lambda: len(project.happened("slow", "starting")) == 2)
    client.send_signal(signal.SIGINT)
    assert client.wait(30) == 130
    assert project.ps()["slow"]["status"] == "starting"
    project.down()


def test_stop_is_completed_for_a_client_that_has_gone(project: Project) -> None:
    slow = "import signal, sys, time\nsignal.signal(15, lambda *_: (time.sleep(0.5), sys.exit()))\n"
    project.script("slow", slow + "print('up', flush=True)\nwhile True: time.sleep(1)")
    project.configure_with(project.process("slow", "readiness: {log: up}"))
    project.ok("up", "-d", "--wait")
    client = project.begin("stop", "slow")
    project.await_event("slow", "stopping")
    client.kill()
    project.await_event("slow", "stopped")
    project.down()


def test_down_waits_for_a_slow_service(project: Project) -> None:
    ending = "(time.sleep(0.5), os.write(1, b'bye\\n'), sys.exit())"  # print may just be at work
    slow = f"import os, signal, sys, time\nsignal.signal(15, lambda *_: {ending})\n"
    project.script("slow", slow + "print('up', flush=True)\nwhile True: time.sleep(1)")
    project.configure_with(project.process("slow", "readiness: {log: up}"))
    project.ok("up", "-d", "--wait")
    assert project.ok("down").out == "slow: stopped\n"
    assert not project.marked()
    assert project.ok("logs").out == "slow | up\nslow | bye\n"


def test_output_of_the_background_goes_to_a_file(system: Project) -> None:
    system.ok("up", "-d", "--wait")
    assert (system.folder / ".fuge" / "log" / "fuge.out").read_text() == ""
    system.down()


def test_git_does_not_see_the_data_folder(system: Project) -> None:
    subprocess.run(["git", "init", "-q"], cwd=system.folder, check=True)
    system.ok("up", "-d", "--wait")
    system.down()
    said = subprocess.run(["git", "status", "--short"], cwd=system.folder, capture_output=True, text=True, check=True)
    assert ".fuge" not in said.stdout


def test_background_has_no_terminal_left_open(system: Project) -> None:
    """Or a script that captures the output of `fuge up -d` would wait for its end."""
    assert system.ok("up", "-d", "--wait").out
    system.down()
