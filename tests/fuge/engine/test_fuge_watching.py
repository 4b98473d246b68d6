"""A save restarts its service, once; other changes do not."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fuge_project import Project, eventually

from fuge import Engine
from fuge.engine import watching

SAYS = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(
        project.sleeper("x", "monitor_excludes: ['*.tmp', 'skipped/', 'out/**']"), project.sleeper("y")
    )
    project.up()
    return project


@contextlib.asynccontextmanager
async def engine(project: Project) -> AsyncIterator[Engine]:
    """In this process, so that a test can have its own idea of how long a while is."""
    async with Engine(project.file) as running:
        await running.start()
        yield running


async def event(project: Project, service: str, name: str, count: int = 1) -> None:
    await asyncio.to_thread(project.await_event, service, name, count)


def save(project: Project, name: str = "x/main.py", text: str = SAYS) -> None:
    """In one piece: who writes a file in two, on a busy machine, makes two changes."""
    file = project.folder / name
    temporary = file.with_name(".main.py.swp")
    temporary.write_text(text)
    temporary.replace(file)


def changes(project: Project, name: str = "x") -> list[str]:
    """The names of the files that have restarted a service."""
    return [each["text"].partition(" has changed, restarting")[0] for each in project.happened(name, "changed")]


def await_restart(project: Project, file: str, name: str = "x") -> None:
    """By a change of this file. What is changed before the service runs again is part of the same burst."""
    eventually(
        lambda: (
            changes(project, name)[-1:] == [file]
            and len(project.happened(name, "ready")) == len(changes(project, name)) + 1
        )
    )


def restarts(project: Project, name: str = "x") -> int:
    """How many changes have restarted a service so far. First a save of another one, which comes after all others."""
    seen = len(project.happened("y", "ready"))
    save(project, "y/main.py")
    project.await_event("y", "ready", seen + 1)
    return len(changes(project, name))


def test_save_restarts_that_service_only(system: Project) -> None:
    before = system.ps()
    (system.folder / "x" / "main.py").write_text(SAYS)
    system.await_event("x", "ready", 2)
    after = system.ps()
    assert system.happened("x", "changed")[0]["text"] == "main.py has changed, restarting"
    assert before["x"]["pid"] != after["x"]["pid"]
    assert before["y"]["pid"] == after["y"]["pid"]
    system.down()


def test_burst_is_one_restart(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "QUIET", 1)
    monkeypatch.setattr(watching, "LONGEST_BURST", 60)
    project.configure_with(project.sleeper("x"))

    async def use() -> None:
        async with engine(project):
            for number in range(300):
                (project.folder / "x" / f"module{number}.py").touch()
                await asyncio.sleep(0.001)  # so that not all are heard of at once
            await event(project, "x", "ready", 2)

    asyncio.run(use())
    assert len(changes(project)) == 1
    assert len(project.happened("x", "starting")) == 2


def test_burst_without_an_end_restarts_all_the_same(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "QUIET", 60)
    monkeypatch.setattr(watching, "LONGEST_BURST", 0.3)
    project.configure_with(project.sleeper("x"))

    async def use() -> None:
        async with engine(project):
            while len(project.happened("x", "ready")) < 2:
                (project.folder / "x" / "main.py").touch()
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(use(), 30))


def test_changes_that_do_not_count(system: Project) -> None:
    folder = system.folder / "x"
    for name in ("skipped", "out/deep", "__pycache__", ".git", "built/deep"):
        (folder / name).mkdir(parents=True)
    (folder / ".gitignore").write_text("*.log\nbuilt/\n!keep.log\n/only-here.txt\n")
    system.await_event("x", "ready", 2)  # the new .gitignore, and the folder that it was too late for
    before = restarts(system)
    ignored = [
        *("a.tmp", "skipped/one.py", "out/deep/two.py", "__pycache__/main.pyc", ".git/index", "built/deep/three.py"),
        *("a.log", "only-here.txt", ".main.py.swp", "main.py~", "4913", ".fuge/state"),
    ]
    (folder / ".fuge").mkdir()
    for name in ignored:
        (folder / name).write_text("x")
    for name in ("skipped/new", "built/new", "__pycache__/new"):
        (folder / name).mkdir()
    (folder / "__pycache__" / "main.pyc").unlink()
    assert restarts(system) == before
    (folder / "keep.log").write_text("x")
    await_restart(system, "keep.log")
    system.down()


def test_gitignore_of_a_folder_below_and_of_the_repository(project: Project) -> None:
    (project.folder / ".git").mkdir()
    (project.folder / ".gitignore").write_text("*.dat\n")
    project.configure_with(project.sleeper("x"), project.sleeper("y"))
    deep = project.folder / "x" / "deep"
    deep.mkdir()
    (deep / ".gitignore").write_text("*.gen\n!wanted.dat\n")
    project.up()
    for name in ("a.dat", "deep/b.dat", "deep/c.gen"):
        (project.folder / "x" / name).write_text("x")
    assert restarts(project) == 0
    for name in ("c.gen", "deep/wanted.dat"):
        (project.folder / "x" / name).write_text("x")
        await_restart(project, Path(name).name)
    project.down()


def test_own_logs_restart_nobody(project: Project) -> None:
    """A service whose folder is that of the fuge.yml, with all that fuge writes there."""
    (project.folder / "main.py").write_text("import time\nwhile True: print('tick', flush=True); time.sleep(0.02)\n")
    project.configure_with(project.process("x").replace("path: x", "path: ."))
    project.up()
    log = project.folder / ".fuge" / "log" / "x.log"
    eventually(lambda: log.exists() and log.read_text().count("tick") > 10)
    (project.folder / "main.py").touch()
    project.await_event("x", "ready", 2)
    assert changes(project) == ["main.py"]
    project.down()


def test_new_folder_is_watched(system: Project) -> None:
    deep = system.folder / "x" / "new" / "deeper"
    deep.mkdir(parents=True)
    system.await_event("x", "ready", 2)
    for name in ("module.py", "other.py"):
        (deep / name).touch()
        await_restart(system, name)
        seen = len(changes(system))
        save(system, f"x/new/deeper/{name}", "x = 2")
        eventually(lambda seen=seen: len(changes(system)) > seen)
        await_restart(system, name)
    system.down()


def test_save_as_editors_do_it(system: Project) -> None:
    """Written beside it under another name, then renamed; or the old one moved away first."""
    file, log = system.folder / "x" / "main.py", system.folder / ".fuge" / "log" / "x.log"
    eventually(lambda: log.exists() and "up" in log.read_text())
    temporary = file.with_name(".main.py.swp")
    temporary.write_text(SAYS.replace("up", "renamed"))
    temporary.replace(file)
    eventually(lambda: "renamed" in log.read_text())
    file.rename(file.with_name("main.py~"))
    file.write_text(SAYS.replace("up", "moved"))
    eventually(lambda: "moved" in log.read_text())
    assert system.ok("logs", "x").out == "x | up\nx | renamed\nx | moved\n"
    file.unlink()
    system.await_event("x", "failed")
    save(system)
    eventually(lambda: system.ps()["x"]["status"] == "running")
    assert set(changes(system)) == {"main.py"}
    system.down()


def test_change_is_told_by_the_name_that_stays(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by that of the temporary file that comes first, even if it is heard of alone."""
    monkeypatch.setattr(watching, "QUIET", 1)
    project.configure_with(project.sleeper("x"))

    async def use() -> None:
        async with engine(project):
            temporary = project.folder / "x" / "main.py.a7f3"
            temporary.write_text(SAYS)
            await asyncio.sleep(0.1)
            temporary.replace(project.folder / "x" / "main.py")
            await event(project, "x", "changed")

    asyncio.run(use())
    assert changes(project) == ["main.py"]


def test_stop_while_a_burst_goes_on_is_the_last_word(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "QUIET", 0.3)
    project.configure_with(project.sleeper("x"))

    async def use() -> None:
        async with engine(project) as running:
            (project.folder / "x" / "new.py").touch()
            await asyncio.sleep(0.1)
            await running.stop(["x"])
            await asyncio.sleep(0.4)
            assert running.ps()[0]["status"] == "stopped"

    asyncio.run(use())


def test_save_of_a_crashed_service_starts_it_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "OWN_DOING", 0.05)
    project.configure_with(project.sleeper("x", "readiness: {log: up}"))

    async def use() -> None:
        async with engine(project) as running:
            for count in range(1, 8):  # however often it takes: a mistake is no loop
                save(project, text=f"raise SystemExit({count})")
                await event(project, "x", "failed", count)
                await asyncio.sleep(0.1)  # longer than what may be the service's own doing
            save(project)
            await event(project, "x", "ready", 2)
            assert running.ps()[0]["status"] == "running"

    asyncio.run(use())
    assert len(changes(project)) == 8
    assert not project.happened("x", "watch suspended")


def test_stopped_and_unwatched_services_are_left_alone(system: Project) -> None:
    system.do("stop", "x")
    save(system)
    assert restarts(system) == 0
    assert system.ps()["x"]["status"] == "stopped"
    system.do("start", "x")
    system.do("unwatch", "x")
    save(system)
    assert restarts(system) == 0
    system.do("watch", "x")
    save(system)
    system.await_event("x", "changed")
    system.down()


def test_service_that_restarts_itself_is_suspended_and_resumed(project: Project) -> None:
    looping = (
        "import pathlib, time\npathlib.Path('state.txt').write_text('x')\nprint('up', flush=True)\ntime.sleep(99)\n"
    )
    project.script("x", looping)
    project.configure_with(project.process("x", "readiness: {log: up}"), project.sleeper("y"))
    project.up(wait=False)
    project.await_event("x", "watch suspended")
    [event] = project.happened("x", "watch suspended")
    assert event["text"] == "watch suspended: state.txt changes after every start; `watch x` resumes it"
    assert changes(project) == ["state.txt"] * 5
    row = project.ps()["x"]
    assert (row["status"], row["watch"]) == ("running", False)
    save(project)
    assert restarts(project) == 5
    project.do("restart", "x")
    project.do("watch", "x")
    save(project)
    project.await_event("x", "changed", 6)
    assert project.ps()["x"]["watch"] is True
    project.down()


def test_slow_service_that_restarts_itself_is_suspended(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "OWN_DOING", 0.05)
    project.script(
        "x", "import pathlib, time\ntime.sleep(0.1)\npathlib.Path('state.txt').write_text('x')\ntime.sleep(99)\n"
    )
    project.configure_with(project.process("x", "readiness: {log: never, timeout: 60}"))

    async def use() -> None:
        async with Engine(project.file) as running:
            await running.start(wait=False)
            await event(project, "x", "watch suspended")

    asyncio.run(use())
    assert len(changes(project)) == 5


def test_polling(project: Project) -> None:
    project.configure_with("fuge_global: {monitor_polling: true}", project.sleeper("x"))
    project.up()
    save(project, text=SAYS.replace("up", "polled"))
    os.utime(project.folder / "x" / "main.py", (2e9, 2e9))  # by the time of its change, in seconds, it is noticed
    project.await_event("x", "ready", 2)
    project.down()


def test_monitor_off_in_the_file(project: Project) -> None:
    project.configure_with(project.sleeper("x", "monitor: false"), project.sleeper("y"))
    project.up()
    save(project)
    assert restarts(project) == 0
    assert project.ps()["x"]["watch"] is False
    project.down()


def test_folder_that_is_named_by_a_link(project: Project) -> None:
    project.sleeper("real")
    (project.folder / "x").symlink_to(project.folder / "real")
    project.configure_with(project.process("x"))
    project.up()
    save(project, "real/main.py")
    project.await_event("x", "ready", 2)
    project.down()


def test_save_while_a_slow_stop_is_under_way_is_not_lost(project: Project) -> None:
    script = """
    import pathlib, signal, sys, time
    def stop(number, frame):
        while not pathlib.Path("../may-end").exists():
            time.sleep(0.01)
        sys.exit()
    signal.signal(signal.SIGTERM, stop)
    print("VERSION", flush=True)
    while True:
        time.sleep(1)
    """
    file = project.script("x", script)
    project.configure_with(project.process("x", "readiness: {log: VERSION}", "grace_period: 60"), project.sleeper("y"))
    project.up()
    text = file.read_text()
    save(project, text=text.replace('"VERSION"', '"VERSION 2"'))
    project.await_event("x", "stopping")
    save(project, text=text.replace('"VERSION"', '"VERSION 3"'))
    assert restarts(project) == 1  # that was heard of before
    (project.folder / "may-end").touch()
    project.await_event("x", "ready", 2)
    assert project.ok("logs", "x").out == "x | VERSION\nx | VERSION 3\n"
    project.down()


def test_two_services_in_one_folder_restart_both(project: Project) -> None:
    project.configure_with(project.sleeper("x"), project.process("twin").replace("path: twin", "path: x"))
    project.up()
    save(project)
    project.await_event("x", "ready", 2)
    project.await_event("twin", "ready", 2)
    project.down()


def test_touch_without_a_change_counts(system: Project) -> None:
    os.utime(system.folder / "x" / "main.py")
    system.await_event("x", "ready", 2)
    assert Path(system.folder / "x" / "main.py").read_text() == SAYS
    system.down()
