"""The control socket: lets other processes of the same user ask the engine.

A client connects, sends one line of JSON, {"operation": ..., "arguments": {...}}, and gets lines of JSON: the last one
is {"result": ...} or {"error": text, "exit_code": ...}. The operation "follow" has no last one: it gets every
record and event, until the client goes away.
"""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from fuge.errors import FugeError
from fuge.faces.operations import Direct

LONGEST_REQUEST = 1_000_000  # bytes
PATIENCE = 3  # seconds for a client to send its line
LAST_ANSWERS = 1  # seconds, when the engine ends
COMPLETED = ("stop", "restart", "scale", "down", "reload", "set_fault", "clear_faults")  # whoever waits for it or not
MOST_UNREAD = 5_000_000  # bytes that a follower may leave unread before it is let go


class Control:
    """`async with Control(direct, path):` answers on the Unix socket `path`."""

    def __init__(self, direct: Direct, path: Path) -> None:
        self._direct, self._path = direct, path
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()  # those who have not asked yet, and those who follow

    async def __aenter__(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LONGEST_REQUEST)
        self._path.chmod(0o600)

    async def __aexit__(self, *_: object) -> None:
        """Those who wait for an answer still get it, if it comes soon; all others are let go."""
        self._server.close()
        for task in self._idle:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_ANSWERS)
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._idle.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._answer(reader, writer, task)
        finally:
            self._tasks.discard(task)
            self._idle.discard(task)
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: "asyncio.Task[None]"
    ) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                line = await reader.readline()
            request = json.loads(line)
            operation, arguments = request["operation"], request.get("arguments", {})
            if operation == "follow":
                await self._follow(writer)
            self._idle.discard(task)
            answer: dict[str, Any] = {"result": await self._until_gone(reader, operation, arguments)}
        except (ValueError, TypeError, KeyError, TimeoutError, RecursionError):
            answer = {"error": 'expected one line with {"operation": "...", "arguments": {...}}', "exit_code": 2}
        except FugeError as error:
            answer = {"error": str(error), "exit_code": error.exit_code, "kind": type(error).__name__}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()

    async def _until_gone(self, reader: asyncio.StreamReader, operation: str, arguments: dict[str, Any]) -> Any:
        """Do it. What was begun for a client that goes away is completed all the same, without the waiting."""
        doing = asyncio.ensure_future(self._direct.call(operation, **arguments))
        gone = asyncio.ensure_future(end_of(reader))
        try:
            await asyncio.wait([doing, gone], return_when=asyncio.FIRST_COMPLETED)
            if not doing.done() and operation in COMPLETED:
                await doing
            if not doing.done():
                doing.cancel()
                raise ConnectionError
            return doing.result()
        finally:
            gone.cancel()

    async def _follow(self, writer: asyncio.StreamWriter) -> None:
        async for item in self._direct.follow(lambda: writer.write(b'{"following": true}\n')):
            if writer.transport.get_write_buffer_size() > MOST_UNREAD:
                raise ConnectionError
            writer.write(json.dumps(item).encode() + b"\n")
            await asyncio.sleep(0)
            if writer.transport.is_closing():
                raise ConnectionError


async def end_of(reader: asyncio.StreamReader) -> None:
    """Return when the client has gone. What it says after its line is not kept."""
    while await reader.read(LONGEST_REQUEST):
        pass
