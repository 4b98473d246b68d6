"""What a fuzzer has to know of a parser, and how it learns that the parser has done what it must not."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from random import Random
from typing import Any

Check = Callable[[bytes], None]
Change = Callable[[Random, bytearray, Sequence[bytes]], None]


class Misbehaved(Exception):
    """The parser did something else than to take an input, or to refuse it as it says it does."""


@dataclass(frozen=True)
class Target:
    """`seeds` are real inputs, `words` what such are made of.

    `opened` gives, for as long as it is entered, the function that hands an input to the parser. All that this raises
    is a finding. `change` is one of the parser's own language, where bytes by chance will not do.
    """

    name: str
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    opened: Callable[[], AbstractContextManager[Check]]
    change: Change | None = None


class Watch(logging.Handler):
    """Collects what nobody would see but in a log: errors there, and exceptions that end in the event loop."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(self.format(record))

    def uncaught(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._found.append(f"{context['message']}: {context.get('exception')!r}")

    def check(self) -> None:
        if self._found:
            found, self._found = self._found, []
            raise Misbehaved("\n".join(found))


@contextlib.contextmanager
def watched_loop() -> Iterator[tuple[asyncio.AbstractEventLoop, Watch]]:
    """An event loop of its own, and the watch over it."""
    watch, loop, root = Watch(), asyncio.new_event_loop(), logging.getLogger()
    loop.set_exception_handler(watch.uncaught)
    quiet = logging.NullHandler()  # else Python prints warnings, of which there is one for each input
    for handler in (watch, quiet):
        root.addHandler(handler)
    try:
        yield loop, watch
    finally:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        for handler in (watch, quiet):
            root.removeHandler(handler)
