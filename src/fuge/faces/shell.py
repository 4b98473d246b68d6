"""The shell: `fuge> `, one command a line, with what services say printed above the prompt."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Coroutine
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fuge.errors import FugeError
from fuge.faces import errands, tables
from fuge.faces.arguments import UsageError
from fuge.faces.commands import COMMANDS, parser_of, perform
from fuge.faces.session import Session

PROMPT = "fuge> "
LEAVE = ("exit", "quit")
NOT_FOUND = 127  # the exit code of the system's shell for a command that it does not know
T = TypeVar("T")


class Input(Protocol):
    """Where the lines come from. `ends_by_ctrl_c`: whether Ctrl-C between two commands leaves."""

    ends_by_ctrl_c: bool

    async def read(self) -> str | None:
        """The next line; None at the end of the input."""

    def close(self) -> None:
        """Nothing is read any more."""


class Shell:
    """Reads and performs commands. `closing` is set when the engine is to end."""

    def __init__(self, session: Session, closing: asyncio.Event) -> None:
        self._session, self._closing = session, closing
        self._input = input_for(session)
        self._command: asyncio.Future[int] | None = None

    async def run(self) -> int:
        """Until `exit`, the end of the input, or `closing`. Returns the last command's exit code."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        closed = asyncio.ensure_future(self._closing.wait())
        code = 0
        try:
            while True:
                line = await unless(closed, self._input.read())
                if line is None or line.strip() in LEAVE:
                    return code
                code = await unless(closed, self._perform(line)) or 0
        finally:
            closed.cancel()
            self._input.close()

    def _interrupt(self) -> None:
        """Ctrl-C ends the waiting for a command, not the shell."""
        if self._command:
            self._command.cancel()
        elif self._input.ends_by_ctrl_c:
            self._closing.set()

    async def _perform(self, line: str) -> int:
        self._command = asyncio.ensure_future(one(self._session, line))
        try:
            return await self._command
        except asyncio.CancelledError:
            if not self._command.cancelled():  # it is not the command that was interrupted, but the shell
                self._command.cancel()
                raise
            print("(interrupted; services go on with what they do)")
            return 130
        finally:
            self._command = None


def input_for(session: Session) -> Input:
    if sys.stdin.isatty() and sys.stdout.isatty():
        from fuge.faces.prompt import Prompt

        return Prompt(PROMPT, session.data / "history", lambda: session.system, ["help", *COMMANDS, "exit"])
    from fuge.faces.pipe import Pipe

    return Pipe(PROMPT)


async def unless(closed: "asyncio.Future[Any]", action: Coroutine[Any, Any, T]) -> T | None:
    """The result of the action; None, and its end, if `closed` comes first."""
    task = asyncio.create_task(action)
    await asyncio.wait([task, closed], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait([task])
    return None


async def one(session: Session, line: str) -> int:
    """One line. Returns the exit code that the command would have outside; errors are printed."""
    name, _, rest = line.strip().partition(" ")
    if not name or name.startswith("#"):
        return 0
    if name == "help":
        print(help_text())
        return 0
    session.json = False
    try:
        if name not in COMMANDS:
            return await passed_on(name, line)
        return await perform(session, COMMANDS[name], parser_of(COMMANDS[name], "").parse_args(words_of(name, rest)))
    except FugeError as error:
        print(error)
        return error.exit_code


async def passed_on(name: str, line: str) -> int:
    """A line for the system's shell. If that does not know its first word, it may have been meant for this one."""
    code = await errands.shell(line, Path.cwd(), dict(os.environ))
    if code == NOT_FOUND and not shutil.which(name):
        for near in get_close_matches(name, ["help", *COMMANDS, *LEAVE], 1):
            print(f"did you mean `{near}`?")
    return code


def words_of(name: str, rest: str) -> list[str]:
    if name == "apply":  # it passes the line on to the system's shell, which has its own ideas of quotes
        return [rest] if rest.strip() else []
    try:
        return shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"expected quotes in pairs, found {rest!r}: {error}") from None


def help_text() -> str:
    rows = [[usage(name), command.about] for name, command in COMMANDS.items()]
    rows += [["exit", "stop everything and leave"], ["...", "anything else is run by the system's shell"]]
    return "available commands:\n" + tables.table(["command", "what it does"], rows)


def usage(name: str) -> str:
    """A command's words in short: of several options it says only that there are some."""
    _, *words = parser_of(COMMANDS[name], "").format_usage().replace(" [--json]", "").split()
    text = (
        " ".join(words)
        .replace("SERVICE [SERVICE ...]", "SERVICE ...")
        .replace("{full}", "full")
        .replace("apply ...", "apply COMMAND")
    )
    options = re.findall(r"\[-[^]]*\] ", text)
    return text if len(options) < 2 else f"{name} [OPTION ...] {text.removeprefix(name + ' ' + ''.join(options))}"
