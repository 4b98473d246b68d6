"""`fuge up` in the foreground: however it ends, nothing is left. `fuge run` for CI, with honest exit codes."""

import re
import signal
import socket
import time

import pytest
from fuge_project import Project, eventually, free_ports, hang_up

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-S", "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); "
                          "print('child', flush=True); time.sleep(600)", sys.argv[1]])
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(project.server("adder"), project.server("webapp", "depends_on: [adder]"))
    return project


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"])
def test_up_stops_everything_by_a_signal(system: Project, number: int) -> None:
    process = system.begin("up")
    assert process.stdout
    while not process.stdout.readline().endswith("> all are ready; Ctrl-C stops everything\n"):
        assert process.poll() is None
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "> stopping; Ctrl-C again does not wait\n" in said
    assert said.index("webapp > stopped") < said.index("adder  > stopped")
    assert not system.marked()
    assert not (system.folder / ".fuge" / "engine.json").exists()


@pytest.mark.parametrize("milliseconds", [0, 30, 100, 300])
def test_up_stops_everything_at_any_moment_of_the_start(system: Project, milliseconds: int) -> None:
    process = system.begin("up")
    eventually(lambda: bool(system.events()))
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert not system.marked()


def test_up_stops_everything_when_the_terminal_is_closed(system: Project) -> None:
    terminal = system.terminal("up")
    terminal.expect_exact("all are ready")
    hang_up(terminal)
    assert not system.marked()
    assert not (system.folder / ".fuge" / "engine.json").exists()


def test_up_does_not_wait_after_a_second_ctrl_c(project: Project) -> None:
    for name in ("one", "two"):
        project.script(name, STUBBORN)
    options = ("grace_period: 60", "readiness: {log: child}")
    project.configure_with(project.process("one", *options), project.process("two", *options, "depends_on: [one]"))
    terminal = project.terminal("up")
    terminal.expect_exact("all are ready")
    terminal.sendintr()
    terminal.expect_exact("Ctrl-C again does not wait")
    terminal.expect_exact("stopping")
    terminal.sendintr()
    terminal.expect_exact("one >\x1b[0m \x1b[31mkilled")
    terminal.wait()
    assert not project.marked()


def test_up_kills_after_the_grace_period(project: Project) -> None:
    project.script("one", STUBBORN)
    project.configure_with(project.process("one", "grace_period: 0.3", "readiness: {log: child}"))
    process = project.begin("up")
    project.await_event("one", "ready")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "one > killed: it did not end within 0.3 s" in said
    assert not project.marked()


def test_up_of_a_taken_port_names_the_holder(project: Project) -> None:
    port = free_ports(1)[0]
    project.configure_with(project.server("webapp", port=port))
    with socket.create_server(("127.0.0.1", port)):
        done = project.fuge("up")
    assert done.code == 4
    assert re.search(rf"webapp > port {port} \(webapp/http\) is held by pid \d+ .*\(in /", done.out)
    assert not project.happened("webapp", "starting")


def test_up_goes_on_with_the_rest_when_one_is_not_ready(project: Project) -> None:
    port = free_ports(1)[0]
    project.configure_with(project.server("webapp", port=port), project.server("adder"))
    with socket.create_server(("127.0.0.1", port)):
        process = project.begin("up")
        assert process.stdout
        eventually(lambda: "not ready: webapp; Ctrl-C stops everything" in process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_up_ends_with_its_last_service(project: Project) -> None:
    project.script("good", "print('done')")
    project.script("bad", "raise SystemExit(7)")
    project.configure_with(project.process("good"), project.process("bad"))
    assert project.fuge("up", "good").code == 0
    done = project.fuge("up")
    assert done.code == 1
    assert "no service runs any more" in done.out


def test_up_when_it_runs_already_says_by_whom(system: Project) -> None:
    process = system.begin("up")
    system.await_event("webapp", "ready")
    done = system.fuge("up")
    assert done.code == 1
    assert f"is running already, by pid {process.pid}: use `fuge ps`" in done.err
    assert system.ok("down").out == "adder: stopped\nwebapp: stopped\n"
    assert process.wait(30) == 0


def test_two_copies_run_side_by_side_isolated(system: Project) -> None:
    copy = system.folder / "copy"
    copy.mkdir()
    (copy / "fuge.yml").write_text(system.file.read_text().replace("path: ", "path: ../"))
    seen = []
    for words in (["-f", "fuge.yml"], ["-f", "copy/fuge.yml"]):
        system.ok(*words, "up", "-d", "--wait", "--isolated")
        row = system.ok(*words, "ps", "--json").json[0]
        environment = system.ok(*words, "env", "webapp").out
        assert f"ADDER_SERVICE_PORT={row['ports']['http']}\n" in environment
        seen.append(row["ports"]["http"])
    assert len(set(seen)) == 2
    assert str(seen[0]) not in system.file.read_text()
    for words in (["-f", "fuge.yml"], ["-f", "copy/fuge.yml"]):
        system.ok(*words, "down")


def test_isolated_leaves_a_given_port_alone(system: Project) -> None:
    port = free_ports(1)[0]
    system.ok("-p", f"webapp={port}", "up", "-d", "--wait", "--isolated")
    assert system.ps()["webapp"]["ports"] == {"http": port}
    system.down()


def test_ports_come_from_the_environment(system: Project) -> None:
    one, two = free_ports(2)
    system.ok("up", "-d", "--wait", FUGE_PORTS=f"adder={one} webapp.http={two}")
    assert [row["ports"]["http"] for row in system.ps().values()] == [one, two]
    system.down()


# run --------------------------------------------------------------------------------------------------------------


def with_test(project: Project, script: str, *more: str) -> Project:
    project.script("itest", script)
    project.configure_with(project.server("adder"), project.process("itest", "depends_on: [adder]", *more))
    return project


@pytest.mark.parametrize("code", [0, 1, 7])
def test_run_passes_the_exit_code_and_output_on(project: Project, code: int) -> None:
    asks = "import os, socket\nport = int(os.environ['ADDER_SERVICE_PORT'])\n"
    asks += "print(socket.create_connection(('127.0.0.1', port)).recv(9).decode())\n"
    with_test(project, f"{asks}import sys\nprint('wrong', file=sys.stderr)\nsys.exit({code})")
    done = project.fuge("run", "--with-deps", "itest")
    assert (done.code, done.out, done.err) == (code, "TOKEN\n", "wrong\n")
    assert not project.marked()


def test_run_that_is_ended_by_a_signal_has_the_shells_code(project: Project) -> None:
    with_test(project, "import os\nos.kill(os.getpid(), 15)")
    assert project.fuge("run", "--with-deps", "itest").code == 128 + 15


def test_run_without_dependencies_starts_none(project: Project) -> None:
    with_test(project, "print('alone')")
    assert project.ok("run", "itest").out == "alone\n"
    assert not project.happened("adder", "starting")


def test_run_of_a_dependency_that_fails_shows_what_it_said(project: Project) -> None:
    project.script("adder", "import sys\nprint('cannot find my data', file=sys.stderr)\nsys.exit(3)")
    with_test(project, "print('never')")
    done = project.fuge("run", "--with-deps", "itest")
    assert done.code == 4
    assert done.out == ""
    assert "it needs adder, which is failed: ended with exit code 3" in done.err
    assert "adder | cannot find my data" in done.err
    assert not project.marked()


def test_run_of_a_dependency_that_gets_not_ready(project: Project) -> None:
    project.script("itest", "print('never')")
    silent = project.server("adder", "readiness: {tcp: http, timeout: 0.5}")
    thinks = silent.replace("python -S -E main.py", "sh -c 'echo still thinking; sleep 60; true'")
    project.configure_with(thinks, project.process("itest", "depends_on: [adder]"))
    done = project.fuge("run", "--with-deps", "itest")
    assert done.code == 4
    assert "it needs adder, which is not ready: not ready within 0.5 s: 127.0.0.1:" in done.err
    assert "Connection refused" in done.err
    assert "adder | still thinking" in done.err
    assert not project.marked()


def test_run_of_a_taken_port(project: Project) -> None:
    port = free_ports(1)[0]
    project.script("itest", "print('never')")
    project.configure_with(project.server("adder", port=port), project.process("itest", "depends_on: [adder]"))
    with socket.create_server(("127.0.0.1", port)):
        done = project.fuge("run", "--with-deps", "itest")
    assert done.code == 4
    assert f"port {port} (adder/http) is held by pid" in done.err


def test_run_of_a_command_that_does_not_exist(project: Project) -> None:
    (project.folder / "itest").mkdir()
    project.configure_with(project.process("itest", run="nosuchprogram MARK"))
    done = project.fuge("run", "itest")
    assert done.code == 127
    assert "cannot run nosuchprogram in" in done.err


def test_run_is_interrupted(project: Project) -> None:
    with_test(project, "import time\nprint('begun', flush=True)\ntime.sleep(60)")
    process = project.begin("run", "--with-deps", "itest")
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert not project.marked()
