"""A server and its client as two processes, a core each, measured from outside."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

HERE = Path(__file__).parent
PATIENCE = 10.0  # seconds beyond those of a measurement


class Figures(NamedTuple):
    """`amiss` says what went wrong, if anything; the rest then means nothing."""

    rate: float = 0.0  # answers per second
    p50: float = 0.0  # seconds
    p99: float = 0.0
    server: float = 0.0  # seconds of its processor for each request
    client: float = 0.0
    amiss: str = ""


class Program(NamedTuple):
    """A peer: a file of this folder, run as `FILE server|client WORDS PORT PORT`; and where Node finds its packages."""

    name: str
    file: str
    words: tuple[str, ...] = ()
    modules: Path | None = None


@contextlib.contextmanager
def core(number: int) -> Iterator[None]:
    """What is started within runs on the core of that number, and on no other; as far as there are as many."""
    if not hasattr(os, "sched_setaffinity"):  # Linux only
        yield
        return
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(all_of_them)[number % len(all_of_them)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


class Pair:
    """Both processes of a program; they start when first measured, and anew after they died or left calls open."""

    def __init__(self, program: Program, ports: list[int]) -> None:
        self.program = program
        self._ports = [str(port) for port in ports]
        self._server: asyncio.subprocess.Process | None = None
        self._client: asyncio.subprocess.Process | None = None

    async def measure(self, in_flight: int, seconds: float) -> Figures:
        try:
            async with asyncio.timeout(seconds + PATIENCE):
                figures = await self._measure(in_flight, seconds)
        except TimeoutError:
            figures = Figures(amiss="hung")
        if figures.amiss:
            await self.close()
        return figures

    async def _measure(self, in_flight: int, seconds: float) -> Figures:
        if self._server is None or self._client is None:
            self._server = await self._start("server", 0)
            self._client = await self._start("client", 1)
        assert self._client.stdin
        before = [seconds_of(process.pid) for process in (self._server, self._client)]
        self._client.stdin.write(f"{in_flight} {seconds}\n".encode())
        line = await first_of(line_from(self._client), nothing_after(self._server))
        if not line:
            return Figures(amiss="died")
        told = json.loads(line)
        if told["hung"]:
            return Figures(amiss="hung")
        after = [seconds_of(process.pid) for process in (self._server, self._client)]
        requests = told["requests"]
        spent = [(now - then) / requests for now, then in zip(after, before, strict=True)]
        return Figures(requests / told["seconds"], told["p50"], told["p99"], *spent)

    @property
    def pids(self) -> dict[str, int]:
        """Of the halves that run."""
        halves = {"server": self._server, "client": self._client}
        return {half: process.pid for half, process in halves.items() if process}

    async def _start(self, half: str, on_core: int) -> asyncio.subprocess.Process:
        program, environment = self.program, dict(os.environ)
        if program.modules:
            environment["NODE_PATH"] = str(program.modules)
        with core(on_core):
            process = await asyncio.create_subprocess_exec(
                *("node" if program.modules else sys.executable, HERE / program.file, half),
                *(*program.words, *self._ports),
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL if program.modules else None,  # Node's mu dies with a page of it
            )
        if await line_from(process) != b"ready\n":
            raise RuntimeError(f"the {half} of {program.name} did not start: run {program.file} to see why")
        return process

    async def close(self) -> None:
        for process in (self._client, self._server):
            if process:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.communicate()
        self._server = self._client = None


def seconds_of(pid: int) -> float:
    """What a process has used of the processor; nothing if it is gone."""
    with contextlib.suppress(psutil.Error):
        spent = psutil.Process(pid).cpu_times()
        return float(spent.user + spent.system)
    return 0.0


async def line_from(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout
    return await process.stdout.readline()


async def nothing_after(process: asyncio.subprocess.Process) -> bytes:
    await process.wait()
    return b""


async def first_of(*waiting: Coroutine[Any, Any, bytes]) -> bytes:
    tasks = [asyncio.ensure_future(each) for each in waiting]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
