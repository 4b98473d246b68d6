"""What becomes of a service that ends by itself."""

import asyncio
import os
from types import SimpleNamespace

import pytest
from fuge_project import Project, eventually

from fuge import Engine, Service
from fuge.engine import life
from fuge.engine.backoff import Backoff

FIRST = 0.05  # seconds, the restart_delay of these tests


def crasher(project: Project, policy: str, code: int, *more: str) -> Project:
    """A service that ends as soon as it can, so that it never seems to have run for a while."""
    (project.folder / "x").mkdir()
    options = (f"restart: {policy}", f"restart_delay: {FIRST}", *more)
    project.configure_with(project.process("x", *options, run=f"sh -c 'exit {code}; MARK'"))
    project.up(wait=False)
    return project


def test_pause_doubles_and_the_restarts_have_an_end(project: Project) -> None:
    crasher(project, "on-failure", 3, "max_restarts: 4")
    project.await_event("x", "failed")
    events = project.ok("events", "x", "--json").lines
    assert [each["delay"] for each in events if each["event"] == "restarting"] == [
        FIRST,
        2 * FIRST,
        4 * FIRST,
        8 * FIRST,
    ]
    assert [each["restart"] for each in events if each["event"] == "restarting"] == [1, 2, 3, 4]
    assert events[-1]["text"] == "gave up after 4 restarts; the last time it ended with exit code 3"
    row = project.ps()["x"]
    assert (row["status"], row["exit_code"], row["restarts"], row["pid"]) == ("failed", 3, 4, None)
    assert len(project.happened("x", "starting")) == 5
    said = project.ok("why", "x").out
    assert "x is failed: gave up after 4 restarts" in said
    assert "restarts: 4" in said
    project.down()


@pytest.mark.parametrize(
    ("policy", "code", "state", "starts"),
    [
        ("never", 0, "finished", 1),
        ("never", 5, "failed", 1),
        ("on-failure", 0, "finished", 1),
        ("on-failure", 5, "failed", 3),
        ("always", 0, "failed", 3),
    ],
)
def test_policy(project: Project, policy: str, code: int, state: str, starts: int) -> None:
    crasher(project, policy, code, "max_restarts: 2")
    eventually(lambda: project.ps()["x"]["status"] == state)
    row = project.ps()["x"]
    assert (row["exit_code"], len(project.happened("x", "starting"))) == (code, starts)
    project.down()


def test_no_restarts_are_allowed(project: Project) -> None:
    crasher(project, "on-failure", 1, "max_restarts: 0")
    project.await_event("x", "failed")
    assert len(project.happened("x", "starting")) == 1
    project.down()


@pytest.mark.parametrize("first", [FIRST, 0, 2])
def test_pause_after_a_crash_depends_on_how_long_the_service_ran(first: float) -> None:
    """Who ran for more than ten restart delays has all its restarts again; a delay of 0 counts as one of a second."""
    backoff = Backoff(service(first, max_restarts=3))
    soon, late = 10 * (first or 1), 10.1 * (first or 1)
    lasted = [0, soon, late, soon, 0, late, 0, 0]
    delays = [first * factor for factor in (1, 2, 1, 2, 4, 1, 2, 4)]
    assert [backoff.delay(each) for each in lasted] == delays
    assert backoff.delay(soon) is None


def test_pause_has_an_upper_bound() -> None:
    backoff = Backoff(service(1, max_restarts=100))
    assert [backoff.delay(0) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert Backoff(service(40, max_restarts=1)).delay(0) == 30


def service(first: float, max_restarts: int) -> Service:
    return Service("x", restart="always", restart_delay=first, max_restarts=max_restarts)


def test_service_that_ran_for_a_while_has_all_its_restarts_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of our own, which goes on only while the service runs for the third time."""
    now = [0.0]
    monkeypatch.setattr(life, "time", SimpleNamespace(monotonic=lambda: now[0]))
    (project.folder / "x").mkdir()
    options = ("restart: on-failure", f"restart_delay: {FIRST}", "max_restarts: 3")
    project.configure_with(project.process("x", *options, run="sh -c 'read word < ../pipe; exit 1; MARK'"))
    os.mkfifo(project.folder / "pipe")

    async def run() -> None:
        async with Engine(project.file) as engine:
            await engine.start(wait=False)
            for count in range(1, 6):
                await asyncio.to_thread(project.await_event, "x", "starting", count)
                now[0] += 100 if count == 3 else 0
                await asyncio.to_thread((project.folder / "pipe").write_text, "end\n")
            await asyncio.to_thread(project.await_event, "x", "restarting", 5)

    asyncio.run(run())
    delays = [each["delay"] for each in project.happened("x", "restarting")]
    assert delays == [FIRST, 2 * FIRST, FIRST, 2 * FIRST, 4 * FIRST]


def test_children_of_a_crashed_service_are_gone_before_the_next_one_starts(project: Project) -> None:
    project.script(
        "x",
        """
        import glob, os, subprocess, sys
        left = []
        for file in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                left += [file] if (sys.argv[1] + "\\0child").encode() in open(file, "rb").read() else []
            except OSError:
                pass
        print("left", len(left), flush=True)
        code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(99)"
        child = subprocess.Popen([sys.executable, "-S", "-c", code, sys.argv[1], "child"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        child.stdout.readline()
        os.kill(os.getpid(), 9)
        """,
    )
    options = ("restart: on-failure", f"restart_delay: {FIRST}", "max_restarts: 1", "grace_period: 0.2")
    project.configure_with(project.process("x", *options))
    project.up(wait=False)
    project.await_event("x", "failed")
    assert project.ok("logs", "x").out.splitlines() == ["x | left 0"] * 2
    assert not project.marked()
    project.down()


def test_stop_ends_the_restarts(project: Project) -> None:
    project.script("x", "raise SystemExit(1)")
    project.configure_with(project.process("x", "restart: always", "restart_delay: 30"))
    project.up(wait=False)
    project.await_event("x", "restarting")
    row = project.ps()["x"]
    assert (row["status"], row["reason"]) == ("restarting", "ended with exit code 1; starts again in 30 s")
    assert project.ok("stop", "x").out == "x: stopped\n"
    assert project.ps()["x"]["status"] == "stopped"
    assert len(project.happened("x", "starting")) == 1
    project.down()


def test_port_taken_meanwhile_ends_the_restarts_with_its_holder(project: Project) -> None:
    holder = """
    import os, socket, subprocess, sys, time
    port = os.environ["SERVICE_PORT"]
    code = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
    code += "print(flush=True); time.sleep(99)"
    environment = {name: value for name, value in os.environ.items() if name != "FUGE_RUN"}
    other = subprocess.Popen([sys.executable, "-S", "-c", code, port, sys.argv[1]], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, start_new_session=True, env=environment)
    other.stdout.readline()
    sys.exit(1)
    """
    project.server("x")
    project.script("x", holder)
    project.configure_with(project.server("x", "restart: on-failure", f"restart_delay: {FIRST}"))
    project.up(wait=False)
    project.await_event("x", "failed")
    [stray] = project.marked()
    assert f"held by pid {stray.pid} " in project.ps()["x"]["reason"]
    os.kill(stray.pid, 9)
    project.down()
