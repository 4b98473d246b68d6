"""A process that runs: its output line by line, and its end together with all that it has started."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from fuge.services.launcher import Launched, Launcher, Program
from fuge.services.logs import Lines
from fuge.services.spawn import kill_group

Listener = Callable[[str, list[str]], None]  # gets "out" or "err", and whole lines
DRAIN = 1  # seconds for the last output of a process that has ended
CHUNK = 65536


class Process:
    """Made by `start`. `ended` gets the exit code (negative: the signal that ended it)."""

    def __init__(self, launched: Launched, mark: str, outputs: "list[Output]") -> None:
        self.pid = launched.child.pid
        self.how = launched.how
        self.started = time.time()
        self.ended = launched.child.ended
        self._keeper = launched.keeper
        self._mark = mark
        self._outputs = outputs
        self._stopped: bool | None = None  # once it is: what `stop` has returned

    @classmethod
    async def start(cls, launcher: Launcher, program: Program, listener: Listener) -> Self:
        mark = launcher.mark()
        outputs = [Output("out", listener), Output("err", listener)]
        marked = replace(program, environment={**program.environment, "FUGE_RUN": mark})
        try:
            launched = await launcher.launch(marked, (outputs[0].writer, outputs[1].writer))
        except BaseException:
            for output in outputs:
                output.close()
            raise
        finally:
            for output in outputs:
                os.close(output.writer)
        return cls(launched, mark, outputs)

    async def wait(self) -> int:
        """The exit code, once the process has ended and its last lines have been passed on."""
        code = await asyncio.shield(self.ended)
        await asyncio.wait([output.finished for output in self._outputs], timeout=DRAIN)
        return code

    async def stop(self, number: int, grace: float) -> bool:
        """Send a signal to the whole process group; after `grace` seconds kill what is left of it.

        What has left the group is killed as well, where the system can tell (Linux). Says whether all of the
        group ended by itself.
        """
        if self._stopped is not None:  # its number may belong to another process by now
            return self._stopped
        deadline = time.monotonic() + grace
        kill_group(self.pid, number)
        kill_group(self.pid, signal.SIGCONT)  # a paused process cannot end
        await asyncio.wait([self.ended], timeout=grace)
        by_itself = await until(self._group_is_gone, deadline) or not kill_group(self.pid, signal.SIGKILL)
        await until(self._group_is_gone, time.monotonic() + DRAIN)
        await until(self._strays_are_gone, time.monotonic() + DRAIN)
        await self.wait()
        for output in self._outputs:
            output.close()
        self._stopped = by_itself
        return by_itself

    def _group_is_gone(self) -> bool:
        return not kill_group(self.pid, 0)

    def _strays_are_gone(self) -> bool:
        """Kill the orphans of this process in groups of their own, which the system has given to the keeper."""
        try:
            adopted = Path(f"/proc/{self._keeper}/task/{self._keeper}/children").read_text(encoding="ascii").split()
        except OSError:
            return True
        marks = {pid: has_mark(pid, self._mark) for pid in map(int, adopted) if pid != self.pid}
        for pid in [pid for pid, is_stray in marks.items() if is_stray]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return all(is_stray is False for is_stray in marks.values())


async def until(condition: Callable[[], bool], deadline: float) -> bool:
    """Wait for a condition until a time.monotonic(). Returns what it is then."""
    pause = 0.001
    while not (reached := condition()) and time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(2 * pause, 0.05)
    return reached


def has_mark(pid: int, mark: str) -> bool | None:
    """Whether a process was started with this FUGE_RUN in its environment; None if that must be looked at again.

    One that is just ending has lost its environment, and perhaps not yet its children; one that is just becoming
    another program has none either. While one is taken off a list of processes, the next one may be left out.
    """
    process = Path(f"/proc/{pid}")
    try:
        environment = (process / "environ").read_bytes()
        if not environment and not (process / "cmdline").read_bytes():
            return None
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return False
    return f"FUGE_RUN={mark}".encode() in environment.split(b"\0")


class Output:
    """One stream of a process; `writer` is the end for the process, `finished` is set at the stream's end."""

    def __init__(self, stream: str, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._stream, self._listener, self._lines = stream, listener, Lines()
        self.finished: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._reader, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._reader, CHUNK)
        except BlockingIOError:
            return
        if data:
            self._pass_on(self._lines.feed(data))
        else:
            self.close()

    def _pass_on(self, lines: list[str]) -> None:
        if lines:
            self._listener(self._stream, lines)

    def close(self) -> None:
        """No more is read; called again, nothing happens."""
        if not self.finished.done():
            self._loop.remove_reader(self._reader)
            os.close(self._reader)
            self.finished.set_result(None)
            self._pass_on(self._lines.flush())
