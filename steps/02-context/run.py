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
    address: asyncio.Future[str]  # where it listens, known once it says so
    follower: asyncio.Task[None]


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may have been closed
        print(text, flush=True)


async def start(name: str) -> Service:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAMS[name]),
        cwd=Path(__file__).parent / name,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,  # a Ctrl-C in the terminal reaches this launcher only
    )
    address = asyncio.get_running_loop().create_future()
    return Service(name, process, address, asyncio.create_task(follow(name, process, address)))


async def follow(name: str, process: Process, address: asyncio.Future[str]) -> None:
    """Pass on what a service prints, until it ends."""
    while line := await next_line(process):
        say(f"{name:{max(map(len, PROGRAMS))}} | {line.rstrip()}")
        if line.startswith("listening at ") and not address.done():
            address.set_result(line.split()[2])
    say(f"{name} ended, with exit code {await process.wait()}")


async def next_line(process: Process) -> str:
    try:
        return (await process.stdout.readline()).decode(errors="replace")
    except ValueError:  # asyncio keeps at most 64 KiB of a line
        return "(a line that is too long to show)"


async def stop(service: Service) -> None:
    with contextlib.suppress(ProcessLookupError):
        service.process.terminate()
    await asyncio.wait([service.follower], timeout=GRACE)
    if not service.follower.done():
        service.process.kill()
        await service.process.wait()


async def run() -> None:
    say(f"starting {', '.join(PROGRAMS)}")
    services = []
    try:
        for name in PROGRAMS:
            services.append(await start(name))
            newest = services[-1]
            await asyncio.wait([newest.address, newest.follower], return_when=asyncio.FIRST_COMPLETED)
            if not newest.address.done():
                raise ServiceEnded(f"{name} ended before it listened")
        say(f"ready: open {newest.address.result()} in a browser; Ctrl-C stops everything")
        await asyncio.wait([service.follower for service in services])
        raise ServiceEnded("no service runs any more")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # impatience must not cut the stopping short
        say(f"stopping; a service has {GRACE} s to finish what it has begun")
        for service in reversed(services):  # the webapp first: what it has begun still needs the adder
            await stop(service)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for programs started with &
    for ending in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        signal.signal(ending, lambda *_: signal.raise_signal(signal.SIGINT))  # end as Ctrl-C does
    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        say("stopped")
    except ServiceEnded as problem:
        sys.exit(str(problem))
