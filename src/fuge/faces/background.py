"""The engine in the background: `fuge up -d` and --wait, `fuge down`."""

import asyncio
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from fuge.engine.states import ACTIVE, FAILED, RUNNING
from fuge.errors import FugeError, NotReadyError
from fuge.faces import tables
from fuge.faces.client import Client
from fuge.faces.printable import printable
from fuge.faces.session import Session, colours, exit_code
from fuge.services import history, private

PATIENCE = 20  # seconds for an engine to answer, or to end
PAUSE = 0.02  # seconds between two looks
LAST_LINES = 10  # of a service that does not get ready


async def up(file: Path, ports: dict[str, int], options: Namespace) -> int:
    """Start an engine in the background, then services in it; with --wait, until all are ready."""
    from fuge.plan import config

    system = config.load(file, os.environ, ports)
    system.select(options.services)
    client = Client(file)
    if not await client.answers():
        await launch(system.file, system.logs, ports, options.isolated)
    start = client.call("start", words=options.services, wait=options.wait)
    try:
        async with asyncio.timeout(options.timeout):
            results = await start
    except TimeoutError:
        return await late(client, system.logs, options)
    print(tables.outcomes(results))
    unready = (each for each in results if each.get("exit_code") == NotReadyError.exit_code)
    print_last_lines(system.logs, [each["service"] for each in unready])
    return exit_code(results)


async def late(client: Client, logs: Path, options: Namespace) -> int:
    """Say which services are not ready yet, and why."""
    rows = [row for row in await client.call("ps", words=["*"]) if row["status"] in ACTIVE | {FAILED}]
    for row in rows:
        reason = f": {row['reason']}" if row["reason"] else ""
        print(f"{row['name']}: {row['status']}{reason}")
    print_last_lines(logs, [row["name"] for row in rows if row["status"] != RUNNING])
    raise NotReadyError(f"not ready within {options.timeout:g} s; `fuge why SERVICE` tells more") from None


def print_last_lines(logs: Path, names: Sequence[str]) -> None:
    for name in names:
        for record in history.read(logs, history.Query((name,), last=LAST_LINES)):
            print(f"{name} | {printable(record.text, colours())}")


async def launch(file: Path, logs: Path, ports: dict[str, int], isolated: bool) -> None:
    """Have an engine run on its own, away from this terminal, and wait until it answers."""
    said = logs / "fuge.out"
    process = detached(file, said, ports, isolated)
    try:
        async with asyncio.timeout(PATIENCE):
            while not await Client(file).answers():
                if process.poll() is not None:
                    reason = said.read_text(encoding="utf-8", errors="replace").strip()
                    kind = NotReadyError if process.returncode == NotReadyError.exit_code else FugeError
                    raise kind(reason.removeprefix("fuge: ") or f"the background fuge ended: {process.returncode}")
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        process.kill()
        process.wait()
        raise FugeError(f"the background fuge did not answer within {PATIENCE} s; see {said}") from None


def detached(file: Path, said: Path, ports: dict[str, int], isolated: bool) -> "subprocess.Popen[bytes]":
    options = [*(f"--port={name}={number}" for name, number in ports.items())]
    command = [
        sys.executable,
        "-m",
        "fuge.faces.background",
        *(["--isolated"] if isolated else []),
        str(file),
        *options,
    ]
    with opened(said) as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def opened(said: Path) -> BinaryIO:
    try:
        private.folder(said.parent)
        return os.fdopen(private.file(said, os.O_WRONLY | os.O_TRUNC), "wb")
    except OSError as error:
        raise FugeError(f"cannot write {said}: {error.strerror}; fuge keeps logs and state there") from None


async def down(session: Session, _: Namespace) -> None:
    """Stop everything, and return when the engine has ended too."""
    client = Client(session.file)
    pid = (await client.call("about"))["pid"]
    stopped = await client.call("down")
    session.show(stopped, tables.outcomes(stopped))
    try:
        async with asyncio.timeout(PATIENCE):
            while await client.answers() or is_alive(pid):  # noqa: ASYNC110  (another process has no events)
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise FugeError(f"the fuge that ran it, pid {pid}, has not ended within {PATIENCE} s") from None


def is_alive(pid: int) -> bool:
    """A zombie has ended: who started it may be slow to take note of that, as is process 1 of many containers."""
    import psutil  # most commands do not need it

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def serve(file: Path, ports: dict[str, int], isolated: bool) -> None:
    from fuge.faces.foreground import engine_for  # `fuge down` needs no engine of its own

    async with engine_for(file, ports, isolated) as engine:
        await engine.closing.wait()


def main(arguments: list[str]) -> int:
    isolated = "--isolated" in arguments
    file, *pairs = [argument for argument in arguments if argument != "--isolated"]
    named = (pair.removeprefix("--port=").rpartition("=") for pair in pairs)
    try:
        asyncio.run(serve(Path(file), {name: int(number) for name, _, number in named}, isolated))
    except FugeError as error:
        print(f"fuge: {error}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
