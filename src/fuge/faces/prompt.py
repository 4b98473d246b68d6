"""The shell's prompt in a terminal: history, completion by Tab, and output that does not tear what is being typed."""

import asyncio
import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.output import create_output
from prompt_toolkit.shortcuts import CompleteStyle

from fuge.errors import FugeError
from fuge.faces.completion import completions
from fuge.plan.system import System

PAUSE = 0.03  # seconds in which output is gathered, since the prompt is drawn anew after each piece


class Prompt:
    """While it is open, what is printed goes above the line that is being typed."""

    ends_by_ctrl_c = False

    def __init__(self, prompt: str, history: Path, plan: Callable[[], System], commands: Sequence[str]) -> None:
        self._prompt = prompt
        self._session: PromptSession[str] = PromptSession(
            history=History(str(history)),
            completer=Words(plan, commands),
            complete_style=CompleteStyle.READLINE_LIKE,
            complete_while_typing=False,
            reserve_space_for_menu=0,
            output=create_output(sys.stdout),
        )
        self._streams = sys.stdout, sys.stderr
        self._above = Above(self._session)
        sys.stdout = sys.stderr = self._above

    async def read(self) -> str | None:
        while True:
            try:
                return await self._session.prompt_async(self._prompt, handle_sigint=False)
            except KeyboardInterrupt:
                print("(`exit` leaves, and stops everything)")
            except EOFError:
                return None
            finally:
                self._above.print_now()

    def close(self) -> None:
        self._above.print_now()
        sys.stdout, sys.stderr = self._streams


class Above(io.TextIOBase):
    """Stands in for standard output: prints at once, or while there is a prompt above it, whole lines only."""

    def __init__(self, session: PromptSession[str]) -> None:
        self._session = session
        self._terminal = sys.stdout
        self._waiting: list[str] = []
        self._scheduled = False

    def write(self, text: str) -> int:
        self._waiting.append(text)
        if not self._session.app.is_running:
            self.print_now()
        elif "\n" in text and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_later(PAUSE, self._print_above)
        return len(text)

    def print_now(self) -> None:
        text, self._waiting = "".join(self._waiting), []
        with contextlib.suppress(OSError, ValueError):  # the terminal may have been closed
            self._terminal.write(text)
            self._terminal.flush()

    def _print_above(self) -> None:
        self._scheduled = False
        if self._session.app.is_running:
            run_in_terminal(self._print_lines)
        else:
            self.print_now()

    def _print_lines(self) -> None:
        lines, _, rest = "".join(self._waiting).rpartition("\n")
        self._waiting = [lines, "\n"] if lines else []
        self._session.output.enable_autowrap()
        self._session.output.flush()
        self.print_now()
        self._waiting = [rest] if rest else []

    def flush(self) -> None:
        if not self._session.app.is_running:
            self.print_now()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._terminal.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._terminal.encoding


class History(FileHistory):
    """A file that cannot be read or written is no reason to leave the shell."""

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(string)


class Words(Completer):
    """Commands, and the names that they take."""

    def __init__(self, plan: Callable[[], System], commands: Sequence[str]) -> None:
        self._plan, self._commands = plan, commands

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        words = document.text_before_cursor.split(" ")
        system = None
        with contextlib.suppress(FugeError):
            system = self._plan()
        for found in completions(words, system, self._commands):
            yield Completion(found, start_position=-len(words[-1]))
