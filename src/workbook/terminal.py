"""A program run as in a terminal window of its own, with its output kept: for notebooks, checks and tests."""

import atexit
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from workbook.errors import WorkbookError

GRACE = 15  # seconds from Ctrl-C to the end of a well-behaved program

open_terminals: list["Terminal"] = []


class Terminal:
    """Runs `command` in the folder `cwd`, with the Python that runs this.

    On Linux the program is told to stop (SIGTERM) if this process dies without stopping it.
    """

    def __init__(self, command: str, cwd: Path | str = ".", environment: dict[str, str] | None = None) -> None:
        self.command = command
        self.cwd = cwd
        self._lines: list[str] = []
        self._read = 0
        self._changed = threading.Condition()
        self._ended = False
        try:
            with ctrl_c_enabled():
                self.process = subprocess.Popen(
                    self._words(command),
                    cwd=cwd,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"} | (environment or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,
                )
        except OSError as error:
            raise WorkbookError(f"cannot run {command!r} in {cwd}: {error.strerror}") from None
        self._reader = threading.Thread(target=self._keep_output, daemon=True)
        self._reader.start()
        open_terminals.append(self)

    @staticmethod
    def _words(command: str) -> list[str]:
        words = program_words(command)
        guard = shutil.which("setpriv")
        return [guard, "--pdeathsig", "TERM", "--", *words] if guard else words

    def _keep_output(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, text: str, seconds: float = 30) -> str:
        """New output up to the line that begins with `text`.

        Raises WorkbookError, with the output, when the program ends or the time runs out without it.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            position = self._read
            while True:
                while position < len(self._lines):
                    position += 1
                    if self._lines[position - 1].startswith(text):
                        return self._take(position)
                if self._ended or not self._changed.wait(max(0, deadline - time.monotonic())):
                    break
            said = self._take(position) or "(nothing)\n"
        happened = "ended" if self._ended else f"ran for {seconds:g} s"
        raise WorkbookError(f"`{self.command}` {happened} without saying {text!r}. It said:\n{said}")

    def new_output(self) -> str:
        """What the program has said since the last look."""
        with self._changed:
            return self._take(len(self._lines))

    def _take(self, end: int) -> str:
        lines, self._read = self._lines[self._read : end], end
        return "".join(lines)

    def press_ctrl_c(self) -> int:
        """Ctrl-C, then wait for the end. Returns the exit code."""
        if self.process.poll() is None:
            self._signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        return self.wait()

    def wait(self, seconds: float = GRACE) -> int:
        """The exit code, once the program has ended; after `seconds` it and its children are killed."""
        killed = False
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill_tree()
            killed = True
        if self in open_terminals:
            open_terminals.remove(self)
        self._reader.join(5)
        if killed:
            raise WorkbookError(f"`{self.command}` did not end within {seconds:g} s and was killed")
        return self.process.returncode

    def kill(self) -> None:
        """Kill -9: the program cannot clean up."""
        self.process.kill()
        self.wait()

    def pause(self) -> None:
        """Freeze the program: its port stays open, but nothing answers."""
        freeze(psutil.Process(self.process.pid))

    def resume(self) -> None:
        """Go on after pause(); nothing changes for a program that is not paused."""
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(self.process.pid).resume()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if os.name == "posix":
                os.killpg(self.process.pid, number)  # as a terminal does: to all of the foreground group
            else:
                self.process.send_signal(number)

    def _kill_tree(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process.kill()
        self.process.wait()


def program_words(command: str) -> list[str]:
    """The words of a command line; `python` and `fuge` are those of the environment that runs this."""
    first, *others = shlex.split(command)
    own = {"python": [sys.executable], "fuge": [sys.executable, "-m", "fuge"]}
    return [*own.get(first, [first]), *others]


@contextlib.contextmanager
def ctrl_c_enabled() -> Iterator[None]:
    """A shell lets what it starts with `&` ignore Ctrl-C, and all that this starts in turn: not in our terminals."""
    before = signal.getsignal(signal.SIGINT)
    if before != signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def freeze(process: psutil.Process) -> None:
    """Suspend a process, and wait until it has really stopped."""
    process.suspend()
    while process.status() != psutil.STATUS_STOPPED:
        time.sleep(0.001)


@atexit.register
def close_terminals() -> list[str]:
    """Stop whatever still runs, the youngest first. Returns what did not end as it should."""
    problems = []
    for terminal in reversed(open_terminals.copy()):
        terminal.resume()
        try:
            terminal.press_ctrl_c()
        except WorkbookError as problem:
            problems.append(str(problem))
    return problems
