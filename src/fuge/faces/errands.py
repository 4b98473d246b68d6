"""Commands that run in the folders of services, one after the other: test, pull, status, apply."""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from pathlib import Path

from fuge.errors import FugeError
from fuge.faces.arguments import UsageError
from fuge.faces.session import Session


async def test(session: Session, options: Namespace) -> int:
    """Run each service's `test`, all of them even if one fails. Returns 1 if one did."""
    failed = []
    tried = 0
    for name in await session.services(options.services):
        command = session.system.service(name).test
        if not command:
            print(f"skipping [{name}]: its fuge.yml has no test")
            continue
        print(f"testing [{name}]: {command}", flush=True)
        tried += 1
        code = await run_in(session, name, command)
        if code:
            failed.append(f"{name} (exit code {code})")
    if failed:
        print(f"failed: {', '.join(failed)}")
    elif tried:
        print(f"passed: {tried} of {tried}")
    return 1 if failed else 0


async def pull(session: Session, options: Namespace) -> int:
    """git pull, once for each repository, and of containers each image once. Returns 1 if one failed."""
    done: set[str] = set()
    codes = []
    for name in await session.services(options.services):
        service = session.system.service(name)
        source = service.image or service.repository_url
        if not source or source in done:
            why = "pulled already" if source else "its fuge.yml has no repository_url"
            print(f"skipping [{name}]: {why}")
            continue
        done.add(source)
        if service.image:
            from fuge.faces import images  # which takes its time to load

            codes.append(await images.pull(session.system, service))
        else:
            print(f"pulling [{name}]: {source}", flush=True)
            codes.append(await run_in(session, name, "git pull"))
    return 1 if any(codes) else 0


async def status(session: Session, options: Namespace) -> int:
    codes = []
    for name in await session.services(options.services):
        if session.system.service(name).type == "process":
            print(f"status [{name}]", flush=True)
            codes.append(await run_in(session, name, "git status --short . && git branch --show-current"))
    return 1 if any(codes) else 0


def apply_options(parser: ArgumentParser) -> None:
    parser.add_argument("command", nargs=REMAINDER, metavar="COMMAND", help="a command of the system's shell")


async def apply(session: Session, options: Namespace) -> int:
    """Run a command of the system's shell in each folder. Returns 1 if it failed in one."""
    words = options.command
    if not words:
        raise UsageError("apply: expected a command to run in the folder of each service")
    command = words[0] if len(words) == 1 else shlex.join(words)
    codes = []
    for name, service in session.system.services.items():
        if service.type == "process":
            print(f"[{name}]", flush=True)
            codes.append(await run_in(session, name, command))
    return 1 if any(codes) else 0


async def run_in(session: Session, name: str, command: str) -> int:
    """Run a command by the shell, in a service's folder, with its environment. Returns the exit code.

    `python` is the Python that runs fuge.
    """
    service = session.system.service(name)
    if service.problem or service.path is None:
        print(f"cannot run it: {service.problem or 'it has no folder'}")
        return 1
    environment = os.environ | await session.environment(name)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return await shell(command, service.path, environment)


async def shell(command: str, cwd: Path, environment: dict[str, str]) -> int:
    """Run a command line of the system's shell with this terminal, wait for its end and return its exit code.

    Without a terminal it gets no input, since what comes from a pipe are the next commands of fuge's own shell.
    """
    sys.stdout.flush()
    alone = not sys.stdin.isatty()
    stdin = asyncio.subprocess.DEVNULL if alone else None
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_shell(command, stdin=stdin, cwd=cwd, env=environment, start_new_session=alone)
    )
    try:
        process = await asyncio.shield(starting)
        return await process.wait()
    except (OSError, ValueError) as error:  # such as a folder that is gone, or a NUL in the command
        reason = error.strerror if isinstance(error, OSError) else error
        raise FugeError(f"cannot run {command!r} in {cwd}: {reason}") from None
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            await end(await starting, alone)  # which may come in the middle of its start
        raise


async def end(process: asyncio.subprocess.Process, alone: bool) -> None:
    if alone:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    else:  # Ctrl-C, which the terminal sends to all of the command's processes; but it may be another signal
        terminate(process.pid)
    await process.wait()


def terminate(pid: int) -> None:
    """Ask a process and all that it has started to end."""
    import psutil  # most commands do not need it

    with contextlib.suppress(psutil.Error):
        top = psutil.Process(pid)
        for process in [*top.children(recursive=True), top]:
            with contextlib.suppress(psutil.Error):
                process.terminate()
