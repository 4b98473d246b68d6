"""Commands that hold the engine themselves: up, shell, run. Whatever ends them stops the services."""

import asyncio
import contextlib
import signal
import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path

from fuge.engine.bus import Event
from fuge.engine.engine import Engine
from fuge.engine.states import FAILED, NOT_READY
from fuge.errors import NoEngineError, NotReadyError, NotRunningError
from fuge.faces.client import Client
from fuge.faces.console import Console
from fuge.faces.control import Control
from fuge.faces.operations import Direct
from fuge.faces.session import Session, exit_code
from fuge.faces.shell import Shell
from fuge.faces.ui import command as ui
from fuge.services.logs import LogRecord

SIGNALLED = 128  # plus the signal's number: the exit code that shells use
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.asynccontextmanager
async def engine_for(file: Path, ports: dict[str, int], isolated: bool) -> AsyncIterator[Engine]:
    """A running engine that others can reach by its socket.

    The first signal lets it end, services in good order; a second one kills what has not ended by then.
    """
    async with Engine(file, ports, isolated) as engine:
        hear_endings(engine)
        async with Control(Direct(engine), engine.claim.socket):
            yield engine


def session_of(engine: Engine) -> Session:
    return Session(engine.file, Direct(engine), lambda: engine.system, live=True)


def hear_endings(engine: Engine) -> None:
    for number in ENDINGS:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(number, lambda: engine.kill() if engine.closing.is_set() else engine.shut_down())


async def up(file: Path, ports: dict[str, int], options: Namespace) -> int:
    """Start services and show what they say, until a signal, `fuge down`, or the end of the last one."""
    async with engine_for(file, ports, options.isolated) as engine, ui.beside(session_of(engine), options.ui):
        console = show(engine)
        starting = asyncio.ensure_future(engine.start(options.services))
        closed = asyncio.ensure_future(engine.closing.wait())
        await asyncio.wait([starting, closed], return_when=asyncio.FIRST_COMPLETED)
        if closed.done():
            starting.cancel()
            console.line("", ">", "stopping; Ctrl-C again does not wait")
            return 0
        not_ready = [outcome for outcome in starting.result() if not outcome["ok"]]
        if all(not running.active for running in engine.supervisor.running.values()):
            return exit_code(not_ready)
        said = f"not ready: {', '.join(each['service'] for each in not_ready)}" if not_ready else "all are ready"
        console.line("", ">", f"{said}; Ctrl-C stops everything")
        ended = asyncio.ensure_future(last_end(engine))
        await asyncio.wait([ended, closed], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        console.line("", ">", "stopping; Ctrl-C again does not wait" if closed.done() else "no service runs any more")
        failed = any(running.state == FAILED for running in engine.supervisor.running.values())
        return 1 if failed and not closed.done() else 0


async def last_end(engine: Engine) -> None:
    while any(running.active for running in engine.supervisor.running.values()):
        await asyncio.gather(*(running.ended() for running in engine.supervisor.running.values()))


async def shell(file: Path, ports: dict[str, int], options: Namespace) -> int:
    """The shell around an engine of its own, or, where one runs already, around that."""
    if await Client(file).answers():
        session = Session.at(file, ports, as_json=False)
        async with ui.beside(session, options.ui):
            return await attached_shell(session)
    async with engine_for(file, ports, options.isolated) as engine, ui.beside(session_of(engine), options.ui):
        show(engine)
        code = await Shell(session_of(engine), engine.closing).run()
        engine.shut_down()
        hear_endings(engine)  # Ctrl-C means something else again
        return code


async def attached_shell(session: Session) -> int:
    print(f"{session.file} runs already: this shell is about that one, and leaves it running at its end")
    names = await session.names(["*"])
    session.live = True
    closing = asyncio.Event()
    following = asyncio.ensure_future(pass_on(session, Console(names), closing))
    try:
        return await Shell(session, closing).run()
    finally:
        following.cancel()


async def pass_on(session: Session, console: Console, closing: asyncio.Event) -> None:
    """Show what happens, until the engine ends; a follower that was too slow is let go, and comes back."""
    while await Client(session.file).answers():
        with contextlib.suppress(NotRunningError):
            async for item in session.connection.follow():
                console.follow_names([item["service"]] if item["service"] else [])
                console(item if "event" in item else LogRecord(**item))
    print("the fuge that ran it has ended")
    closing.set()


async def run(file: Path, ports: dict[str, int], options: Namespace) -> int:
    """Run one service to its end, with its output as it is. Returns its exit code."""
    async with engine_for(file, ports, options.isolated) as engine:
        name = engine.system.service(options.service).name
        engine.bus.subscribe(lambda item: pass_output(item, name))
        running = asyncio.ensure_future(engine.run(name, options.with_deps))
        closed = asyncio.ensure_future(engine.closing.wait())
        await asyncio.wait([running, closed], return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
            return 130
        try:
            code = running.result()
            return code if code >= 0 else SIGNALLED - code
        except (NotReadyError, NoEngineError) as problem:
            print(f"fuge: {problem}", file=sys.stderr)
            print_last_lines(engine)
            return problem.exit_code


def pass_output(item: LogRecord | Event, name: str) -> None:
    if isinstance(item, LogRecord) and item.service == name:
        with contextlib.suppress(OSError):  # nobody reads it any more
            print(item.text, file=sys.stderr if item.stream == "err" else sys.stdout, flush=True)


def print_last_lines(engine: Engine) -> None:
    """What the services said that are to blame."""
    for running in engine.supervisor.running.values():
        if running.state in (FAILED, NOT_READY):
            for line in [*running.recent, *running.reason.splitlines()[1:]]:
                print(f"{running.service.name} | {line}", file=sys.stderr)


def show(engine: Engine) -> Console:
    def is_shown(name: str) -> bool:
        running = engine.supervisor.running.get(name)
        return running is not None and running.tail

    console = Console(engine.supervisor.running, is_shown, on_closed=engine.shut_down)

    def print_item(item: LogRecord | Event) -> None:
        console.follow_names(engine.supervisor.running)
        console(item)

    engine.bus.subscribe(print_item)
    return console
