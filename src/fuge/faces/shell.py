"""The shell: `fuge> `, one command a line, with what services say printed above the prompt."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuge.errors import FugeError
from fuge.faces import errands, tables
from fuge.faces.commands import COMMANDS, parser_of, perform
from fuge.faces.completion import completions
from fuge.faces.session import Session

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

PROMPT = "fuge> "
LEAVE = ("exit", "quit")


async def shell(session: Session, closing: asyncio.Event) -> int:
    """Read and perform commands until `exit`, the end of the input, or `closing`. Returns the exit code."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    lines = typed(session) if terminal else piped()
    closed = asyncio.ensure_future(closing.wait())
    code = 0
    try:
        while True:
            line = asyncio.ensure_future(anext(lines, None))
            await asyncio.wait([line, closed], return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                line.cancel()
                return code
            text = line.result()
            if text is None or text.strip() in LEAVE:
                return code
            code = await interruptible(one(session, text))
    finally:
        closed.cancel()


async def interruptible(action: Awaitable[int]) -> int:
    """Ctrl-C ends the waiting for a command, not the shell."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(action)
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        print("(interrupted; services go on with what they do)")
        return 130
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def one(session: Session, line: str) -> int:
    """One line. Returns the exit code that the command would have outside; errors are printed."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()[:1]
        if words[:1] and words[0] in COMMANDS:
            print("expected closing quotes")
            return 2
    if not words or words[0].startswith("#"):
        return 0
    if words[0] == "help":
        print(help_text())
        return 0
    session.json = False
    try:
        if words[0] not in COMMANDS:
            return await errands.shell(line, Path.cwd(), dict(os.environ))
        command = COMMANDS[words[0]]
        arguments = words[1:] if words[0] != "apply" else [line.split(None, 1)[1]] if len(words) > 1 else []
        return await perform(session, command, parser_of(command, "").parse_args(arguments))
    except FugeError as error:
        print(error)
        return error.exit_code


def help_text() -> str:
    rows = [[usage(name), command.about] for name, command in COMMANDS.items()]
    rows += [["exit", "stop everything and leave"], ["...", "anything else is run by the system's shell"]]
    return "available commands:\n" + tables.table(["command", "what it does"], rows)


def usage(name: str) -> str:
    return " ".join(parser_of(COMMANDS[name], "").format_usage().split()[1:]).replace("[--json]", "").strip()


async def piped() -> AsyncIterator[str]:
    """Lines from a pipe or file, each shown after a prompt, so that the transcript reads like a session."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(f"{PROMPT}{line.rstrip()}", flush=True)
        yield line


async def typed(session: Session) -> AsyncIterator[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.patch_stdout import patch_stdout

    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(session.system.data / "history")), completer=completer(session)
    )
    with patch_stdout(raw=True):
        while True:
            try:
                yield await prompt.prompt_async(PROMPT, handle_sigint=False)
            except KeyboardInterrupt:
                print("(`exit` leaves, and stops everything)")
            except EOFError:
                return


def completer(session: Session) -> "Completer":
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.document import Document

    words = ["help", *COMMANDS, "exit"]

    class Words(Completer):
        def get_completions(self, document: Document, complete_event: Any) -> Any:
            typed = document.text_before_cursor.split(" ")
            for found in completions(typed, session.system, words):
                yield Completion(found, start_position=-len(typed[-1]))

    return Words()
