"""Start the services of this step together: python run.py, then Ctrl-C to stop them."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path

PROGRAMS = {"adder_service": "service.py", "webapp": "main.py"}
GRACE = 10  # seconds in which a service may finish what it has begun


class ServiceEnded(Exception):
    """A service ended that was needed to go on."""


async def start(name: str) -> Process:
    folder = Path(__file__).parent / name
    return await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAMS[name]),
        cwd=folder,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,  # a Ctrl-C in the terminal reaches this launcher only
    )


def show(name: str, line: bytes) -> None:
    width = max(map(len, PROGRAMS))
    print(f"{name:{width}} | {line.decode(errors='replace').rstrip()}", flush=True)


async def until_listening(name: str, process: Process) -> None:
    while line := await process.stdout.readline():
        show(name, line)
        if line.startswith(b"listening at "):
            return
    raise ServiceEnded(f"{name} ended before it listened, with exit code {await process.wait()}")


async def follow(name: str, process: Process) -> None:
    while line := await process.stdout.readline():
        show(name, line)
    print(f"{name} ended, with exit code {await process.wait()}", flush=True)


async def stop(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.communicate(), GRACE)
    except TimeoutError:
        process.kill()
        await process.wait()


async def run() -> None:
    processes = {}
    try:
        for name in PROGRAMS:
            processes[name] = await start(name)
        for name, process in processes.items():
            await until_listening(name, process)
        print("ready: Ctrl-C stops everything", flush=True)
        await asyncio.gather(*(follow(name, process) for name, process in processes.items()))
        raise ServiceEnded("no service runs any more")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C cannot leave anything behind
        await asyncio.gather(*(stop(process) for process in processes.values()))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        print("stopped", flush=True)
    except ServiceEnded as problem:
        sys.exit(str(problem))
