"""Programs run as in a terminal: their output, their end, and that none is left."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers import wait_until

from workbook import terminal
from workbook.errors import WorkbookError
from workbook.terminal import Terminal


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def script(tmp_path: Path, text: str) -> str:
    (tmp_path / "program.py").write_text(text)
    return "python program.py"


def test_output_is_taken_piece_by_piece(tmp_path: Path) -> None:
    window = Terminal(script(tmp_path, "print('one')\nprint('two')\nprint('three')"), tmp_path)
    assert window.wait_for("two") == "one\ntwo\n"
    assert window.wait() == 0
    assert window.new_output() == "three\n"
    assert window.new_output() == ""


def test_stderr_and_exit_code_are_seen(tmp_path: Path) -> None:
    window = Terminal(script(tmp_path, "import sys; sys.exit('went wrong')"), tmp_path)
    assert window.wait() == 1
    assert window.new_output() == "went wrong\n"


def test_end_without_the_expected_text_is_explained(tmp_path: Path) -> None:
    window = Terminal(script(tmp_path, "print('something else')"), tmp_path)
    with pytest.raises(WorkbookError, match="ended without saying 'ready'. It said:\nsomething else"):
        window.wait_for("ready")
    window.wait()


def test_silence_is_explained(tmp_path: Path) -> None:
    window = Terminal(script(tmp_path, "print('up', flush=True)\nimport time\ntime.sleep(60)"), tmp_path)
    window.wait_for("up")
    with pytest.raises(WorkbookError, match=r"ran for 0.2 s without saying 'ready'. It said:\n\(nothing\)"):
        window.wait_for("ready", seconds=0.2)
    assert window.press_ctrl_c() != 0


def test_program_that_ignores_ctrl_c_is_killed_with_its_children(tmp_path: Path) -> None:
    text = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
time.sleep(60)
"""
    window = Terminal(script(tmp_path, text), tmp_path)
    child = int(window.wait_for("child").split()[1])
    window._signal(2)
    with pytest.raises(WorkbookError, match=r"did not end within 0.3 s and was killed"):
        window.wait(0.3)
    assert wait_until(lambda: not lives(child))
    assert window not in terminal.open_terminals


def test_ctrl_c_works_even_where_it_is_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        window = Terminal(script(tmp_path, "print('up', flush=True)\nimport time\ntime.sleep(60)"), tmp_path)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    window.wait_for("up")
    assert window.press_ctrl_c() == -signal.SIGINT


def test_unknown_command_is_explained(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="cannot run 'python x.py' in .*nowhere: No such file or directory"):
        Terminal("python x.py", tmp_path / "nowhere")


def test_pause_and_resume(tmp_path: Path) -> None:
    window = Terminal(
        script(tmp_path, "import time\nwhile True: print('tick', flush=True); time.sleep(0.01)"), tmp_path
    )
    window.wait_for("tick")
    window.pause()
    assert psutil.Process(window.process.pid).status() == psutil.STATUS_STOPPED
    window.resume()
    window.new_output()
    window.wait_for("tick")
    window.kill()
    assert window.process.returncode == -9


def test_everything_is_stopped_when_this_python_ends() -> None:
    """However it ends: by itself, or killed so that it cannot clean up (on Linux)."""
    text = """
import sys, time
from workbook.terminal import Terminal
window = Terminal("python -c 'import time; print(1, flush=True); time.sleep(60)'")
window.wait_for("1")
print(window.process.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""
    for seconds in ("0", "60"):
        with subprocess.Popen([sys.executable, "-c", text, seconds], stdout=subprocess.PIPE, text=True) as python:
            assert python.stdout
            pid = int(python.stdout.readline())
            if seconds != "0" and sys.platform == "linux":
                python.kill()
            elif seconds != "0":
                python.terminate()
            assert wait_until(lambda pid=pid: not lives(pid))
