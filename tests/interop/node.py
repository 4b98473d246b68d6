"""Real Node peers: its own mu, installed once from the lock in node/, and the small programs there that use it."""

import asyncio
import json
import os
import shutil
import tempfile
from collections import deque
from pathlib import Path
from typing import Any, Self

from helpers import needed

from workbook import node as packages
from workbook.errors import WorkbookError

PROGRAMS = packages.PACKAGES
FETCHING = 100  # seconds for npm
LONGEST_LINE = 32 << 20  # bytes
PATIENCE = 20.0  # seconds


def modules() -> Path:
    """The node_modules of the lock. Without Node or npm it skips the test; in CI it fails it."""
    needed(shutil.which("node") and shutil.which("npm"), "Node with npm (the real peer of these tests)")
    try:
        return packages.modules(FETCHING)
    except WorkbookError as problem:
        needed(None, f"Node's mu, the real peer of these tests ({problem})")
        raise


class Node:
    """A program of node/, running. At the end of the `async with` it must still be alive, unless its death was seen."""

    def __init__(self, program: str, *arguments: Any) -> None:
        self._environment = {**os.environ, "NODE_PATH": str(modules())}
        self._command = ["node", str(PROGRAMS / program), *map(str, arguments)]
        self._heard: deque[Any] = deque()
        self._dead = False

    async def __aenter__(self) -> Self:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._stderr,
            env=self._environment,
            limit=LONGEST_LINE,
        )
        try:
            assert await self._line() == "READY\n"
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and not self._dead:
                await self.alive()
        finally:
            await self.kill()
            self._stderr.close()

    async def tell(self, command: str, argument: Any = None) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([command, argument]).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> Any:
        """What the next line that it prints holds."""
        return self._heard.popleft() if self._heard else json.loads(await self._line())

    async def dispatch(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """Have it dispatch these in one go; what its callbacks got, in the order of the messages."""
        await self.tell("dispatch", messages)
        return sorted([await self.hear() for _ in messages], key=lambda answer: answer["n"])

    async def alive(self) -> None:
        """Fails if it has died, of anything that it got before now."""
        for _ in range(2):  # what came in together with the first ping may be dealt with after it
            await self.tell("ping")
            while (heard := json.loads(await self._line())) != "pong":
                self._heard.append(heard)

    @property
    def unheard(self) -> list[Any]:
        """What it has printed before the last `alive`, and nobody has asked for."""
        return list(self._heard)

    async def death(self) -> str:
        """Wait until it has died of itself; its last words."""
        async with asyncio.timeout(PATIENCE):
            assert await self._process.wait() > 0
        self._dead = True
        return self._last_words()

    async def kill(self) -> None:
        self._dead = True
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()

    async def _line(self) -> str:
        assert self._process.stdout
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        assert line, f"{' '.join(self._command)} died: {self._last_words()}"
        return line.decode()

    def _last_words(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")
