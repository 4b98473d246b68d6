"""Waits until a service can do its work, as its readiness in fuge.yml says."""

import asyncio
import os
import re
import signal
import socket
from dataclasses import dataclass, replace

from fuge.errors import NotReadyError
from fuge.plan.system import Readiness
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Process

FIRST_PAUSE = 0.005  # seconds; doubles up to the readiness' interval
ATTEMPT = 2  # seconds for one connection, request or command
HANG_UP = 0.1  # seconds within which a proxy ends a connection that nobody takes behind it


@dataclass
class Probe:
    """Looks at one service. `host` and `port` are where it listens; `error` says what the last look found.

    Commands are run by the launcher, in the folder and environment of the service's program. `behind_proxy`: who
    takes a connection may not be the service itself, but a container engine that passes it on, if it can.
    """

    readiness: Readiness
    host: str
    port: int
    program: Program
    launcher: Launcher
    behind_proxy: bool = False
    error: str = ""

    def __post_init__(self) -> None:
        self._line_seen = asyncio.Event()

    def hear(self, lines: list[str]) -> None:
        """Lines of the service's output, for readiness by log."""
        if self.readiness.kind == "log" and any(re.search(self.readiness.what, line) for line in lines):
            self._line_seen.set()

    async def wait(self) -> None:
        """Return when the service is ready. Raises NotReadyError, with what the last look found, when time is up."""
        try:
            async with asyncio.timeout(self.readiness.timeout):
                await self._until_ready()
        except TimeoutError:
            said = f": {self.error}" if self.error else ""
            raise NotReadyError(f"not ready within {self.readiness.timeout:g} s{said}") from None

    async def _until_ready(self) -> None:
        if self.readiness.kind == "log":
            self.error = f"no line of output matches {self.readiness.what!r}"
            await self._line_seen.wait()
            return
        pause = min(FIRST_PAUSE, self.readiness.interval)
        while not await self.look():
            await asyncio.sleep(pause)
            pause = min(2 * pause, self.readiness.interval)

    async def look(self) -> bool:
        """Whether the service is ready now."""
        self.error = self.error or "no answer so far"
        try:
            async with asyncio.timeout(ATTEMPT):
                self.error = await self._problem()
        except TimeoutError:
            self.error = f"no answer within {ATTEMPT} s"
        except (OSError, ValueError) as error:
            self.error = f"{self._address}: {reason(error)}"
        return not self.error

    @property
    def _address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def _problem(self) -> str:
        if self.readiness.kind == "tcp":
            reader, writer = await asyncio.open_connection(self.host, self.port)
            try:
                hung_up = self.behind_proxy and await hangs_up(reader)
            finally:
                writer.close()
            return f"{self._address}: nothing listens in the container" if hung_up else ""
        if self.readiness.kind == "http":
            return await self._http_problem()
        if self.readiness.kind == "exec":
            return await self._exec_problem()
        return ""

    async def _http_problem(self) -> str:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            request = f"GET {self.readiness.what} HTTP/1.1\r\nHost: {self._address}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            words = (await reader.readline()).decode(errors="replace").split()
        finally:
            writer.close()
        if len(words) > 1 and words[0].startswith("HTTP/") and words[1].isdecimal():
            fine = 200 <= int(words[1]) < 400
            return "" if fine else f"GET {self.readiness.what} is answered with {' '.join(words[1:])}"
        return f"GET {self.readiness.what} is not answered in HTTP"

    async def _exec_problem(self) -> str:
        said: list[str] = []
        program = replace(self.program, argv=("sh", "-c", self.readiness.what))
        process = await Process.start(self.launcher, program, lambda _, lines: said.extend(lines))
        try:
            code = await process.wait()
        finally:
            # Shielded, since the time for all looks may end in the midst of it.
            await asyncio.shield(asyncio.create_task(process.stop(signal.SIGKILL, 0)))
        return f"{self.readiness.what} ended with {code}: {said[-1] if said else 'it said nothing'}" if code else ""


async def hangs_up(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends a connection at once, without a word."""
    try:
        async with asyncio.timeout(HANG_UP):
            return not await reader.read(1)
    except TimeoutError:
        return False


def reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error)
