"""Start the services of this step, and stop them together: python run.py, then Ctrl-C."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = {"adder_service": "service.py", "webapp": "main.py"}  # in the order in which they need each other
GRACE = 10  # seconds in which a service may finish what it has begun


class ServiceEnded(Exception):
    """A service ended that was needed to go on."""


@dataclass
class Service:
    name: str
    process: Process
    listening: asyncio.Event
    follower: asyncio.Task


async def start(name: str) -> Service:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAMS[name]),
        cwd=Path(__file__).parent / name,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,  # a Ctrl-C in the terminal reaches this launcher only
    )
    listening = asyncio.Event()
    return Service(name, process, listening, asyncio.create_task(follow(name, process, listening)))


async def follow(name: str, process: Process, listening: asyncio.Event) -> None:
    """Pass on what a service prints, until it ends. It is ready when it says where it listens."""
    while line := await next_line(process):
        print(f"{name:{max(map(len, PROGRAMS))}} | {line.decode(errors='replace').rstrip()}", flush=True)
        if line.startswith(b"listening at "):
            listening.set()
    print(f"{name} ended, with exit code {await process.wait()}", flush=True)


async def next_line(process: Process) -> bytes:
    try:
        return await process.stdout.readline()
    except ValueError:  # asyncio keeps at most 64 KiB of a line
        return b"(a line that is too long to show)"


async def stop(service: Service) -> None:
    with contextlib.suppress(ProcessLookupError):
        service.process.terminate()
    await asyncio.wait([service.follower], timeout=GRACE)
    if not service.follower.done():
        service.process.kill()
        await service.process.wait()


async def run() -> None:
    print(f"starting {', '.join(PROGRAMS)}", flush=True)
    services = []
    try:
        for name in PROGRAMS:
            services.append(await start(name))
            ready = asyncio.create_task(services[-1].listening.wait())
            await asyncio.wait([ready, services[-1].follower], return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise ServiceEnded(f"{name} ended before it listened")
        print("ready: Ctrl-C stops everything", flush=True)
        await asyncio.wait([service.follower for service in services])
        raise ServiceEnded("no service runs any more")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # impatience must not cut the stopping short
        for service in reversed(services):  # the webapp first: what it has begun still needs the adder
            await stop(service)


if __name__ == "__main__":
    for ending in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        signal.signal(ending, lambda *_: signal.raise_signal(signal.SIGINT))  # end as Ctrl-C does
    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        print("stopped", flush=True)
    except ServiceEnded as problem:
        sys.exit(str(problem))
