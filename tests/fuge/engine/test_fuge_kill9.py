"""fuge killed by -9, at moments that nobody has chosen: nothing is left, and the next start is clean."""

import contextlib
import random
import signal
import time
from pathlib import Path

import psutil
import pytest
from fuge_project import SERVER, Project, eventually

CHANCE = random.Random(3)
LASTS = {"start": 0.6, "reload": 0.2, "save": 0.2, "stop": 0.2}  # seconds within which it happens
MOMENTS = {what: [round(CHANCE.uniform(0, longest), 3) for _ in range(5)] for what, longest in LASTS.items()}
WARM = "python main.py MARK"  # started by a fork, where the others are started by exec


def lay_out(project: Project) -> None:
    """Two plain services, a warm one that needs them, and one with a child that ignores TERM."""
    project.script("warm", SERVER)
    stubborn = """sh -c 'trap "" TERM; sh -c "sleep 999; true MARK" & wait'"""
    (project.folder / "stubborn").mkdir()
    project.configure_with(
        project.server("one"),
        project.server("two"),
        project.server("warm", "depends_on: [one, two]").replace("python -S -E main.py MARK", WARM),
        project.process("stubborn", "grace_period: 0.3", run=stubborn),
    )


def keepers_of(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill(project: Project, pid: int) -> None:
    """And wait until nothing of it is left: neither services nor the processes that hold them."""
    everything = keepers_of(pid)
    psutil.Process(pid).send_signal(signal.SIGKILL)
    eventually(lambda: not project.marked())
    eventually(lambda: not any(map(lives, everything)))


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("what", "moments"), MOMENTS.items(), ids=MOMENTS)
def test_nothing_is_left_at_any_moment(project: Project, what: str, moments: list[float]) -> None:
    """Moments of the start, of a reload, of a restart by a saved file, and of a stop; each next start is clean."""
    lay_out(project)
    for seconds in moments:
        if what == "start":
            pid = project.begin("up").pid
        else:
            assert all(outcome["ok"] for outcome in project.up())
            disturb(project, what)
            pid = project.engine()
        time.sleep(seconds)
        kill(project, pid)
    again = project.ok("up", "-d", "--wait")
    assert "warm: running" in again.out
    assert "already" not in again.out + again.err
    assert "socket" not in again.out + again.err
    project.down()


def disturb(project: Project, what: str) -> None:
    if what == "reload":
        text = project.file.read_text(encoding="utf-8")
        now, new = ("0.3", "0.4") if "grace_period: 0.3" in text else ("0.4", "0.3")
        project.file.write_text(text.replace(f"grace_period: {now}", f"grace_period: {new}"), encoding="utf-8")
        project.ask("reload")
    elif what == "save":
        for name in ("one", "warm"):
            Path(project.folder, name, "main.py").write_text(SERVER.replace("TOKEN", "NEW"), encoding="utf-8")
    else:
        project.ask("stop", words=["all"])


def test_killed_with_all_that_holds_the_services(project: Project) -> None:
    """Even the keepers are killed together with fuge; what is then left is swept by the next start at the latest."""
    lay_out(project)
    project.up()
    pid = project.engine()
    holders = [each for each in keepers_of(pid) if "keeper.py" in " ".join(each.cmdline())]
    assert holders
    for process in (psutil.Process(pid), *holders):
        with contextlib.suppress(psutil.NoSuchProcess):  # a keeper ends by itself when fuge is gone
            process.kill()
    again = project.ok("up", "-d", "--wait")
    assert "stubborn: running" in again.out
    assert len({row["pid"] for row in project.ps().values()}) == 4
    project.down()
    eventually(lambda: not project.marked())
