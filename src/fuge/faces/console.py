"""Shows what services say and what becomes of them, line by line, each service in its own colour."""

import sys
from collections.abc import Callable, Iterable
from typing import TextIO

from fuge.engine.bus import Event
from fuge.faces.printable import RESET, printable
from fuge.faces.session import colours
from fuge.services.logs import LogRecord

PALETTE = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)  # ANSI foreground colours that can be read on dark and light
BAD = {"failed", "killed", "exited", "not ready", "problem", "watch suspended"}


class Console:
    """Prints `service | line` for output, `service ! line` for its error output, `service > text` for events.

    A service keeps its colour as long as the order in fuge.yml stays. `shown` says whose output is to be seen.
    `on_closed` is called when nobody can see it any more: the terminal was closed, or who read it from a pipe ended.
    """

    def __init__(
        self,
        names: Iterable[str],
        shown: Callable[[str], bool] = lambda name: True,
        file: TextIO | None = None,
        on_closed: Callable[[], object] = lambda: None,
    ) -> None:
        self._names = list(names)
        self._shown = shown
        self._file = file
        self._on_closed = on_closed
        self._colours = colours()

    def follow_names(self, names: Iterable[str]) -> None:
        """The services after a reload: those that were there keep their colours."""
        self._names += [name for name in names if name not in self._names]

    def __call__(self, item: LogRecord | Event) -> None:
        if isinstance(item, LogRecord):
            if self._shown(item.service):
                self.line(item.service, "!" if item.stream == "err" else "|", item.text)
        elif item["text"]:
            for text in item["text"].splitlines():
                self.line(item["service"], ">", text, bad=item["event"] in BAD and item.get("code") != 0)

    def line(self, name: str, mark: str, text: str, bad: bool = False) -> None:
        width = max(map(len, self._names), default=0)
        prefix = f"{name:{width}} {mark}"
        text = printable(text, self._colours)
        if self._colours:
            number = PALETTE[self._names.index(name) % len(PALETTE)] if name in self._names else 37
            prefix = f"\x1b[{number}m{prefix}{RESET}"
            if bad:
                text = f"\x1b[31m{text}{RESET}"
            elif mark == ">":
                text = f"\x1b[2m{text}{RESET}"
        try:
            print(f"{prefix} {text}", file=self._file or sys.stdout, flush=True)
        except (OSError, ValueError):
            self._on_closed()
