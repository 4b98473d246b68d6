"""The shell's commands from a pipe or a file."""

import asyncio
import os
import sys
import threading

from fuge.services.threads import in_loop


class Pipe:
    """Each line is shown after a prompt, so that the transcript reads like a session."""

    ends_by_ctrl_c = True

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        # A thread, since a file cannot be waited for otherwise; a daemon, since nobody can end its waiting.
        arguments = (sys.stdin.fileno(), asyncio.get_running_loop())
        threading.Thread(target=self._read, args=arguments, daemon=True, name="stdin").start()

    async def read(self) -> str | None:
        line = await self._lines.get()
        if line is not None:
            print(f"{self._prompt}{line}", flush=True)
        return line

    def close(self) -> None:
        """What was not read in time does not matter."""

    def _read(self, file: int, loop: asyncio.AbstractEventLoop) -> None:
        rest = b""
        while data := os.read(file, 65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._pass_on(line, loop)
        if rest:
            self._pass_on(rest, loop)
        self._pass_on(None, loop)

    def _pass_on(self, line: bytes | None, loop: asyncio.AbstractEventLoop) -> None:
        text = None if line is None else line.decode(errors="replace").rstrip()
        in_loop(loop, self._lines.put_nowait, text)
