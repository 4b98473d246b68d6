"""A service from start to stop: its whole process group, however badly its processes behave."""

import os
import signal
import sys

import psutil
from fuge_project import Project, free_ports
from helpers import wait_until


def test_shell_that_ignores_term_is_stopped_with_its_children(project: Project) -> None:
    script = project.script("x", "trap '' TERM\nsh -c 'sleep 999; true' child $1 &\necho up\nwait\n")
    script.rename(script.with_name("run.sh"))
    project.configure_with(project.process("x", "grace_period: 0.5", "readiness: {log: up}", run="sh run.sh MARK"))
    project.up()
    assert len(project.marked()) >= 2
    assert project.ok("stop", "x").out == "x: stopped\n"
    assert not project.marked()
    assert project.happened("x", "killed")[0]["text"] == "killed: it did not end within 0.5 s"
    project.down()


def test_children_in_sessions_of_their_own_are_stopped_too(project: Project) -> None:
    script = """
    import subprocess, sys, time
    def stray(code):
        return subprocess.Popen([sys.executable, "-S", "-c", code, sys.argv[1], "stray"], start_new_session=True)
    stray("import time; time.sleep(999)")
    stray("import os, sys, time; os.fork() and sys.exit(); time.sleep(999)").wait()
    print("up", flush=True)
    time.sleep(999)
    """
    project.script("x", script)
    project.configure_with(project.process("x", "readiness: {log: up}", "grace_period: 1"))
    project.up()
    assert len(project.marked("stray")) == 2
    project.do("stop", "x")
    assert not project.marked()
    project.down()


def test_signal_and_grace_period_are_as_configured(project: Project) -> None:
    script = """
    import os, signal, sys, time
    def stop(number, frame):
        time.sleep(0.3)
        os.write(1, f"got {signal.Signals(number).name}\\n".encode())  # print may just be at work
        sys.exit(0)
    signal.signal(signal.SIGINT, stop)
    print("up", flush=True)
    while True:
        time.sleep(1)
    """
    project.script("x", script)
    project.configure_with(project.process("x", "readiness: {log: up}", "terminate: SIGINT", "grace_period: 10"))
    project.up()
    project.down()
    assert project.ok("logs", "x").out == "x | up\nx | got SIGINT\n"
    assert not project.happened("x", "killed")


def test_paused_service_can_be_stopped(project: Project) -> None:
    project.configure_with(project.server("x"))
    project.up()
    project.marked()[0].suspend()
    assert project.ok("stop", "x").out == "x: stopped\n"
    assert not project.happened("x", "killed")
    project.down()


def test_stop_goes_from_dependents_to_what_they_need(project: Project) -> None:
    project.configure_with(
        project.server("db"), project.server("api", "depends_on: [db]"), project.server("web", "depends_on: [api]")
    )
    project.up()
    project.down()
    stopped = [each["service"] for each in project.events() if each["event"] == "stopped"]
    assert stopped == ["web", "api", "db"]


def test_service_gets_the_environment_folder_and_arguments(project: Project) -> None:
    script = """
    import json, os, sys
    seen = [os.getcwd(), sys.argv[1:], os.environ["OWN"], os.environ["SERVICE_HOST"], sys.stdin.read()]
    print(json.dumps(seen), flush=True)
    """
    project.script("x", script)
    run = """python -S -E main.py 'two words' "" --flag"""
    project.configure_with(
        project.process(
            "x", f"ports: [main={free_ports(1)[0]}]", "environment: [OWN=a b]", "readiness: {log: .}", run=run
        )
    )
    done = project.ok("run", "x")
    assert done.out == f'["{project.folder / "x"}", ["two words", "", "--flag"], "a b", "127.0.0.1", ""]\n'


def test_output_of_any_kind_is_shown_as_lines(project: Project) -> None:
    script = r"""
    import sys
    out = sys.stdout.buffer
    out.write(b"plain\n\xff\xfe\x00binary\x07\n" + b"x" * 200_000 + b"\n")
    out.write(b"progress 1%\rprogress 2%\rdone\n\x1b[31mred\x1b[0m\x1b[2J\nno end")
    """
    project.script("x", script)
    project.configure_with(project.process("x"))
    process = project.begin("up")
    said, _ = process.communicate(timeout=60)
    lines = [line for line in said.splitlines() if line.startswith("x | ")]
    assert lines[:2] == ["x | plain", "x | \ufffd\ufffd\u2400binary\u2407"]
    assert "".join(line.removeprefix("x | ") for line in lines[2:-3]) == "x" * 200_000
    assert lines[-3:] == ["x | done", "x | red", "x | no end"]


def test_service_that_floods_hinders_nobody(project: Project) -> None:
    project.script("flood", "import os\nline = b'x' * 80 + b'\\n'\nwhile True: os.write(1, line * 100)")
    project.configure_with(project.process("flood"), project.server("calm"))
    project.up()
    assert project.ps()["calm"]["status"] == "running"
    assert project.ok("restart", "calm").code == 0
    project.down()
    assert not project.marked()
    size = sum(file.stat().st_size for file in (project.folder / ".fuge" / "log").glob("flood.log*"))
    assert size < 35_000_000


def test_many_services_start_in_parallel(project: Project) -> None:
    """Each waits until all of them have begun, so that one after the other none would get ready."""
    names = [f"s{number}" for number in range(6)]
    for name in names:
        project.script(
            name,
            """
            import pathlib, sys, time
            pathlib.Path("../began-" + pathlib.Path.cwd().name).touch()
            while len(list(pathlib.Path("..").glob("began-*"))) < 6:
                time.sleep(0.01)
            print("together", flush=True)
            time.sleep(99)
            """,
        )
    project.configure_with(*(project.process(name, "readiness: {log: together, timeout: 60}") for name in names))
    assert project.ok("up", "-d", "--wait").out == "".join(f"{name}: running\n" for name in names)
    project.down()


def test_warm_service_behaves_as_a_plain_one(project: Project) -> None:
    """`python main.py` is forked from a process that has the imports loaded; a save is answered by new code."""
    project.script(
        "warm",
        """
        import asyncio, json, os, sys
        print("TOKEN-1", sys.argv[1:], os.getcwd(), flush=True)
        asyncio.run(asyncio.sleep(99))
        """,
    )
    project.configure_with(project.process("warm", "readiness: {log: TOKEN}", run="python main.py MARK"))
    project.up()
    pid = project.ps()["warm"]["pid"]
    how = project.happened("warm", "starting")[0]["how"]
    assert how == "warm" if sys.platform == "linux" else how.startswith("plain")
    assert psutil.Process(pid).cmdline()[-1].endswith(project.mark)
    source = project.folder / "warm" / "main.py"
    source.write_text(source.read_text().replace("TOKEN-1", "TOKEN-2"))
    project.await_event("warm", "ready", 2)
    assert project.ok("logs", "warm").out.splitlines()[-1] == (
        f"warm | TOKEN-2 ['{project.mark}'] {project.folder / 'warm'}"
    )
    project.down()
    assert not project.marked()


def test_killed_service_is_told_with_its_signal(project: Project) -> None:
    project.configure_with(project.server("x"))
    project.up()
    os.kill(project.ps()["x"]["pid"], signal.SIGKILL)
    project.await_event("x", "failed")
    row = project.ps()["x"]
    assert (row["status"], row["exit_code"], row["reason"]) == ("failed", -9, "ended by SIGKILL")
    assert "x is failed: ended by SIGKILL" in project.ok("why", "x").out
    project.down()


def test_nothing_starts_while_the_engine_ends(project: Project) -> None:
    script = """
    import pathlib, signal, time
    signal.signal(15, signal.SIG_IGN)
    print("up", flush=True)
    while not pathlib.Path("../may-end").exists():
        time.sleep(0.01)
    """
    project.script("slow", script)
    project.configure_with(
        project.process("slow", "grace_period: 60", "readiness: {log: up}"), project.sleeper("other", "enabled: false")
    )
    process = project.begin("up")
    project.await_event("slow", "ready")
    process.send_signal(signal.SIGTERM)
    project.await_event("slow", "stopping")
    done = project.fuge("start", "other")
    assert done.code == 1
    assert "about to end" in done.err or "has ended" in done.err or "nothing runs" in done.err
    (project.folder / "may-end").touch()
    assert process.wait(30) == 0
    assert not project.happened("other", "starting")
    assert wait_until(lambda: not project.marked())
