"""A save restarts its service, once; other changes do not."""

import os
import time
from pathlib import Path

import pytest
from fuge_project import Project, eventually

SAYS = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(
        project.sleeper("x", "monitor_excludes: ['*.tmp', 'skipped/', 'out/**']"), project.sleeper("y")
    )
    project.up()
    begin_watching()
    return project


def begin_watching() -> None:
    """Watching begins a moment after the start, in a thread."""
    time.sleep(0.2)


def settle() -> None:
    """The watcher takes changes within 0.4 s of the start for the service's own doing, when they repeat."""
    time.sleep(0.45)


def save(project: Project, name: str = "x/main.py", text: str = SAYS) -> None:
    (project.folder / name).write_text(text)


def restarts(project: Project, name: str = "x") -> int:
    """How many changes have restarted a service so far. First a save of another one, which comes after all others."""
    seen = len(project.happened("y", "ready"))
    save(project, "y/main.py")
    project.await_event("y", "ready", seen + 1)
    return len(project.happened(name, "changed"))


def test_save_restarts_that_service_only(system: Project) -> None:
    before = system.ps()
    save(system)
    system.await_event("x", "ready", 2)
    after = system.ps()
    assert system.happened("x", "changed")[0]["text"] == "main.py has changed, restarting"
    assert before["x"]["pid"] != after["x"]["pid"]
    assert before["y"]["pid"] == after["y"]["pid"]
    system.down()


def test_burst_is_one_restart(system: Project) -> None:
    for number in range(300):
        (system.folder / "x" / f"module{number}.py").touch()
    system.await_event("x", "ready", 2)
    assert restarts(system) == 1
    assert len(system.happened("x", "starting")) == 2
    system.down()


def test_changes_that_do_not_count(system: Project) -> None:
    folder = system.folder / "x"
    for name in ("skipped", "out/deep", "__pycache__", ".git", "built/deep"):
        (folder / name).mkdir(parents=True)
    (folder / ".gitignore").write_text("*.log\nbuilt/\n!keep.log\n/only-here.txt\n")
    system.await_event("x", "ready", 2)  # the new .gitignore, and the folder that it was too late for
    settle()
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
    system.await_event("x", "ready", 3)
    assert system.happened("x", "changed")[-1]["text"].startswith("keep.log")
    system.down()


def test_gitignore_of_a_folder_below_and_of_the_repository(project: Project) -> None:
    (project.folder / ".git").mkdir()
    (project.folder / ".gitignore").write_text("*.dat\n")
    project.configure_with(project.sleeper("x"), project.sleeper("y"))
    deep = project.folder / "x" / "deep"
    deep.mkdir()
    (deep / ".gitignore").write_text("*.gen\n!wanted.dat\n")
    project.up()
    begin_watching()
    for name in ("a.dat", "deep/b.dat", "deep/c.gen"):
        (project.folder / "x" / name).write_text("x")
    assert restarts(project) == 0
    for count, name in enumerate(("c.gen", "deep/wanted.dat"), 1):
        (project.folder / "x" / name).write_text("x")
        project.await_event("x", "ready", count + 1)
    assert project.happened("x", "changed")[-1]["text"].startswith(Path(name).name)
    project.down()


def test_own_logs_restart_nobody(project: Project) -> None:
    """A service whose folder is that of the fuge.yml, with all that fuge writes there."""
    project.sleeper("y")
    (project.folder / "main.py").write_text("import time\nwhile True: print('tick', flush=True); time.sleep(0.05)\n")
    (project.folder / "y").rename(project.folder.parent / "y")
    project.configure_with(
        project.process("x", "path: .").replace("  path: x\n", ""), project.sleeper("z").replace("path: z", "path: z")
    )
    project.up()
    time.sleep(1)
    assert not project.happened("x", "changed")
    project.down()


def test_new_folder_is_watched(system: Project) -> None:
    deep = system.folder / "x" / "new" / "deeper"
    deep.mkdir(parents=True)
    system.await_event("x", "ready", 2)
    (deep / "module.py").write_text("x = 1")
    system.await_event("x", "ready", 3)
    (deep / "module.py").write_text("x = 2")
    system.await_event("x", "ready", 4)
    assert system.happened("x", "changed")[-1]["text"].startswith("module.py")
    system.down()


def test_save_as_editors_do_it(system: Project) -> None:
    """Written beside it under another name, then renamed; or the old one moved away first."""
    file, log = system.folder / "x" / "main.py", system.folder / ".fuge" / "log" / "x.log"
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
    system.await_event("x", "ready", 5)
    system.down()


def test_save_of_a_crashed_service_starts_it_again(system: Project) -> None:
    save(system, text="raise SystemExit(1)")
    system.await_event("x", "failed")
    for count in range(2, 8):  # however often it takes: a mistake is no loop
        settle()
        save(system, text=f"raise SystemExit({count})")
        system.await_event("x", "failed", count)
    assert not system.happened("x", "watch suspended")
    settle()
    save(system)
    system.await_event("x", "ready", 9)
    assert system.ps()["x"]["status"] == "running"
    system.down()


def test_stopped_and_unwatched_services_are_left_alone(system: Project) -> None:
    system.ok("stop", "x")
    save(system)
    assert restarts(system) == 0
    assert system.ps()["x"]["status"] == "stopped"
    system.ok("start", "x")
    system.ok("unwatch", "x")
    save(system)
    assert restarts(system) == 0
    system.ok("watch", "x")
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
    assert len(project.happened("x", "changed")) == 5
    row = project.ps()["x"]
    assert (row["status"], row["watch"]) == ("running", False)
    settle()
    project.script("x", SAYS)
    assert restarts(project) == 5
    project.ok("restart", "x")
    project.ok("watch", "x")
    settle()
    save(project)
    project.await_event("x", "changed", 6)
    assert project.ps()["x"]["watch"] is True
    project.down()


def test_slow_service_that_restarts_itself_is_suspended(project: Project) -> None:
    looping = "import pathlib, time\ntime.sleep(0.45)\npathlib.Path('state.txt').write_text('x')\ntime.sleep(99)\n"
    project.script("x", looping)
    project.configure_with(project.process("x", "readiness: {log: never}"))
    project.up(wait=False)
    project.await_event("x", "watch suspended")
    project.down()


def test_polling(project: Project) -> None:
    project.configure_with("fuge_global: {monitor_polling: true}", project.sleeper("x"))
    project.up()
    time.sleep(1)  # until the first look is over, with which later ones are compared
    save(project, text=SAYS.replace("up", "polled"))
    project.await_event("x", "ready", 2)
    project.down()


def test_monitor_off_in_the_file(project: Project) -> None:
    project.configure_with(project.sleeper("x", "monitor: false"), project.sleeper("y"))
    project.up()
    begin_watching()
    save(project)
    assert restarts(project) == 0
    assert project.ps()["x"]["watch"] is False
    project.down()


def test_folder_that_is_named_by_a_link(project: Project) -> None:
    project.sleeper("real")
    (project.folder / "x").symlink_to(project.folder / "real")
    project.configure_with(project.process("x"))
    project.up()
    begin_watching()
    save(project, "real/main.py")
    project.await_event("x", "ready", 2)
    project.down()


def test_save_while_a_slow_stop_is_under_way_is_not_lost(project: Project) -> None:
    script = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit()))
    print("VERSION", flush=True)
    while True:
        time.sleep(1)
    """
    file = project.script("x", script)
    project.configure_with(project.process("x", "readiness: {log: VERSION}"))
    project.up()
    begin_watching()
    text = file.read_text()
    file.write_text(text.replace('"VERSION"', '"VERSION 2"'))
    project.await_event("x", "stopping")
    time.sleep(0.3)
    file.write_text(text.replace('"VERSION"', '"VERSION 3"'))
    project.await_event("x", "ready", 2)
    assert project.ok("logs", "x").out == "x | VERSION\nx | VERSION 3\n"
    project.down()


def test_two_services_in_one_folder_restart_both(project: Project) -> None:
    project.configure_with(project.sleeper("x"), project.process("twin").replace("path: twin", "path: x"))
    project.up()
    begin_watching()
    save(project)
    project.await_event("x", "ready", 2)
    project.await_event("twin", "ready", 2)
    project.down()


def test_touch_without_a_change_counts(system: Project) -> None:
    os.utime(system.folder / "x" / "main.py")
    system.await_event("x", "ready", 2)
    assert Path(system.folder / "x" / "main.py").read_text() == SAYS
    system.down()
