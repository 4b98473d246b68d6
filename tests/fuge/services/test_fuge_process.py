"""Processes: what they say, how they end, and that nothing of them is left."""

import asyncio
import os
import shlex
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from helpers import wait_until

from fuge.services import process as module
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Process

Scene = Callable[[Launcher], Awaitable[None]]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has lost its parent")


def play(scene: Scene) -> None:
    async def run() -> None:
        launcher = Launcher("owner")
        try:
            await scene(launcher)
        finally:
            await launcher.close()

    asyncio.run(run())


async def start(launcher: Launcher, command: str, folder: Path, lines: list[tuple[str, str]] | None = None) -> Process:
    def hear(stream: str, texts: list[str]) -> None:
        if lines is not None:
            lines.extend((stream, text) for text in texts)

    return await Process.start(launcher, Program(tuple(shlex.split(command)), folder, dict(os.environ)), hear)


async def appears(*files: Path) -> list[int]:
    """The process ids that a command has written to files."""
    assert await asyncio.to_thread(
        wait_until, lambda: all(file.exists() and file.read_text().endswith("\n") for file in files)
    )
    return [int(file.read_text()) for file in files]


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_process_lines_and_exit_code_are_passed_on(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        lines: list[tuple[str, str]] = []
        process = await start(launcher, "sh -c 'echo one; echo two >&2; printf three; exit 7'", tmp_path, lines)
        assert await process.wait() == 7
        assert sorted(lines) == [("err", "two"), ("out", "one"), ("out", "three")]
        assert await process.stop(signal.SIGTERM, 5)

    play(scene)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("no-such-command x", "cannot run no-such-command in {folder}: No such file or directory"),
        ("./folder", "cannot run ./folder in {folder}: Permission denied"),
    ],
)
def test_process_that_cannot_be_run_says_why(tmp_path: Path, command: str, text: str) -> None:
    (tmp_path / "folder").mkdir()

    async def scene(launcher: Launcher) -> None:
        lines: list[tuple[str, str]] = []
        process = await start(launcher, command, tmp_path, lines)
        assert await process.wait() == 127
        assert lines == [("err", text.format(folder=tmp_path))]

    play(scene)


def test_process_in_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        lines: list[tuple[str, str]] = []
        process = await start(launcher, "true", tmp_path / "none", lines)
        assert await process.wait() == 127
        assert lines == [("err", f"cannot run true in {tmp_path / 'none'}: No such file or directory")]

    play(scene)


def test_process_with_a_word_that_no_program_can_get_says_so(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        lines: list[tuple[str, str]] = []
        process = await start(launcher, "echo 'a\0b'", tmp_path, lines)
        assert await process.wait() == 127
        assert lines == [("err", f"cannot run echo in {tmp_path}: embedded null byte")]

    play(scene)


def test_stop_lets_a_process_end_by_itself(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        lines: list[tuple[str, str]] = []
        command = "sh -c 'trap \"echo bye; exit 3\" TERM; echo up; while :; do sleep 0.02; done'"
        process = await start(launcher, command, tmp_path, lines)
        assert await asyncio.to_thread(wait_until, lambda: bool(lines))
        assert await process.stop(signal.SIGTERM, 20)
        assert process.ended.result() == 3
        assert lines[-1] == ("out", "bye")

    play(scene)


def test_stop_right_after_the_start_ends_the_process(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        for command in ("sleep 999", f"{sys.executable} sleeper.py"):
            for _ in range(10):
                process = await start(launcher, command, tmp_path)
                assert await process.stop(signal.SIGTERM, 20)
                assert process.ended.result() == -signal.SIGTERM

    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(999)\n")
    play(scene)


def test_stop_kills_a_process_that_ignores_the_signal_with_its_children(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        command = "sh -c 'trap \"\" TERM; sleep 999 & echo $! >child; sleep 999 & wait'"
        process = await start(launcher, command, tmp_path)
        (child,) = await appears(tmp_path / "child")
        assert not await process.stop(signal.SIGTERM, 0.2)
        assert process.ended.result() == -signal.SIGKILL
        assert not lives(child)

    play(scene)


def test_stop_waits_for_children_that_outlive_the_first_process(tmp_path: Path) -> None:
    text = "trap 'sleep 0.3; echo done >left; exit' TERM\necho $$ >child\nwhile :; do sleep 0.02; done\n"
    (tmp_path / "child.sh").write_text(text)

    async def scene(launcher: Launcher) -> None:
        process = await start(launcher, "sh -c 'sh child.sh & wait'", tmp_path)
        await appears(tmp_path / "child")
        assert await process.stop(signal.SIGTERM, 20)
        assert (tmp_path / "left").read_text() == "done\n"

    play(scene)


def test_stop_kills_a_child_that_outlives_the_grace_period(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        process = await start(
            launcher, "sh -c '(trap \"\" TERM; echo 1 >up; sleep 999) & echo $! >child; wait'", tmp_path
        )
        child, _ = await appears(tmp_path / "child", tmp_path / "up")
        assert not await process.stop(signal.SIGTERM, 0.2)
        assert process.ended.result() == -signal.SIGTERM
        assert not lives(child)

    play(scene)


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if os.fork() == 0:  # a child of the daemon, in a session of its own as well
            os.setsid()
            open("second", "w").write(f"{os.getpid()}\\n")
            time.sleep(999)
        open("first", "w").write(f"{os.getpid()}\\n")
        time.sleep(999)
    os._exit(0)
os.wait()
if "stay" in sys.argv:
    time.sleep(999)
"""


@on_linux
@pytest.mark.parametrize("options", ["-u daemon.py stay", "-u daemon.py", "daemon.py stay", "daemon.py"])
def test_stop_kills_daemons_that_have_left_the_group(tmp_path: Path, options: str) -> None:
    """`python -u` is started plainly, `python` warm."""
    (tmp_path / "daemon.py").write_text(DAEMON)

    async def scene(launcher: Launcher) -> None:
        process = await start(launcher, f"{sys.executable} {options}", tmp_path)
        assert process.how.startswith("plain" if "-u" in options else "warm")
        daemons = await appears(tmp_path / "first", tmp_path / "second")
        if "stay" not in options:
            await process.wait()
        assert await process.stop(signal.SIGTERM, 5)
        assert not any(lives(pid) for pid in daemons)

    play(scene)


@on_linux
def test_stop_leaves_the_daemons_of_another_process_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "daemon.py").write_text(DAEMON)

    async def scene(launcher: Launcher) -> None:
        one, two = [await start(launcher, f"{sys.executable} daemon.py", tmp_path / name) for name in ("one", "two")]
        of_one = await appears(tmp_path / "one" / "first", tmp_path / "one" / "second")
        of_two = await appears(tmp_path / "two" / "first", tmp_path / "two" / "second")
        await one.stop(signal.SIGTERM, 5)
        assert [lives(pid) for pid in of_one + of_two] == [False, False, True, True]
        await two.stop(signal.SIGTERM, 5)
        assert not any(lives(pid) for pid in of_two)

    play(scene)


def test_stop_ends_a_paused_process(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        process = await start(launcher, "sleep 999", tmp_path)
        os.kill(process.pid, signal.SIGSTOP)
        assert await process.stop(signal.SIGTERM, 20)
        assert process.ended.result() == -signal.SIGTERM

    play(scene)


def test_stop_can_be_called_again(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        process = await start(launcher, "sh -c 'trap \"\" TERM; echo $$ >up; while :; do sleep 0.02; done'", tmp_path)
        await appears(tmp_path / "up")
        both = await asyncio.gather(process.stop(signal.SIGTERM, 0.2), process.stop(signal.SIGTERM, 0.2))
        assert False in both
        last = await process.stop(signal.SIGTERM, 20)
        assert last in both
        assert process.ended.result() == -signal.SIGKILL

    play(scene)


def test_stop_of_an_ended_process_returns_true(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        process = await start(launcher, "true", tmp_path)
        assert await process.wait() == 0
        assert await process.stop(signal.SIGTERM, 5)
        assert await process.stop(signal.SIGTERM, 5)

    play(scene)


def test_wait_does_not_wait_for_a_child_that_holds_the_output(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        lines: list[tuple[str, str]] = []
        process = await start(launcher, "sh -c 'sleep 999 & echo $! >child; echo last'", tmp_path, lines)
        began = time.monotonic()
        assert await process.wait() == 0
        assert time.monotonic() - began < 100 * module.DRAIN
        assert lines == [("out", "last")]
        (child,) = await appears(tmp_path / "child")
        assert lives(child)
        await process.stop(signal.SIGTERM, 5)
        assert not lives(child)

    play(scene)


def test_much_output_comes_whole_and_in_order(tmp_path: Path) -> None:
    async def scene(launcher: Launcher) -> None:
        lines: list[tuple[str, str]] = []
        process = await start(launcher, "seq 1 100000", tmp_path, lines)
        assert await process.wait() == 0
        assert [text for _, text in lines] == [str(number) for number in range(1, 100001)]

    play(scene)


@pytest.mark.parametrize("word", ["sleep 999", "warm"])
def test_cancelled_start_leaves_nothing(tmp_path: Path, word: str) -> None:
    """Cancelled at any moment, from before the request is sent until after its answer has come."""
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(999)\n")
    command = f"{sys.executable} sleeper.py" if word == "warm" else word

    async def scene(launcher: Launcher) -> None:
        first = await start(launcher, command, tmp_path)  # now there is a keeper
        await first.stop(signal.SIGKILL, 0)
        for turn in range(40):
            starting = asyncio.create_task(start(launcher, command, tmp_path))
            for _ in range(turn % 8):
                await asyncio.sleep(0)
            await asyncio.sleep(0.0001 * (turn // 2))
            starting.cancel()
            (result,) = await asyncio.gather(starting, return_exceptions=True)
            if isinstance(result, Process):
                await result.stop(signal.SIGKILL, 0)
        last = await start(launcher, command, tmp_path)
        (keeper,) = {pid for pids in launcher.keepers.values() for pid in pids if psutil.Process(pid).children()}

        def only_the_last_is_left() -> bool:
            return [child.pid for child in psutil.Process(keeper).children()] == [last.pid]

        assert await asyncio.to_thread(wait_until, only_the_last_is_left)
        await last.stop(signal.SIGKILL, 0)

    play(scene)


def test_rounds_of_starts_and_stops_leave_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(999)\n")

    async def scene(launcher: Launcher) -> None:
        def files() -> dict[int, int]:
            keepers = launcher.keepers
            return {pid: psutil.Process(pid).num_fds() for pid in (os.getpid(), *keepers["plain"], *keepers["warm"])}

        async def one_round() -> None:
            commands = ["sleep 999", f"{sys.executable} sleeper.py", "true", f"{sys.executable} sleeper.py"]
            processes = await asyncio.gather(*(start(launcher, command, tmp_path) for command in commands))
            await asyncio.gather(*(process.stop(signal.SIGKILL, 0) for process in processes))

        await one_round()
        before = files()
        for _ in range(50):
            await one_round()
        assert files() == before

    play(scene)
