"""Tells whoever wants to know what happens: what services say, and what becomes of them."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from fuge.errors import FugeError
from fuge.services import private
from fuge.services.logs import LogFile, LogRecord

EVENTS, OLD_EVENTS = "events.jsonl", "events.jsonl.1"
BIG = 5_000_000  # bytes
Event = dict[str, Any]
Subscriber = Callable[[LogRecord | Event], None]


class Bus:
    """Passes records and events to subscribers, and keeps both in the log folder.

    An event is a dictionary with "time" (seconds since the epoch), "event" (what happened, such as "ready"),
    "service", "text" (the same in words) and what else belongs to it. What cannot be kept is a "problem", said once
    until it can be kept again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, LogFile] = {}
        self._events = open_events(folder)
        self._works = True
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Have every record and event passed on, until the returned function is called."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def records(self, service: str, stream: str, pid: int, lines: list[str]) -> None:
        now = time.time()
        found = [LogRecord(now, service, stream, pid, line) for line in lines]  # type: ignore[arg-type]
        if service not in self._files:
            self._files[service] = LogFile(self._folder / f"{service}.log", on_problem=self._complain)
        self._files[service].write(found)
        for record in found:
            self._publish(record)

    def event(self, name: str, service: str, text: str, **details: Any) -> None:
        event = {"time": time.time(), "event": name, "service": service, "text": text, **details}
        self._keep(event)
        self._publish(event)

    def _keep(self, event: Event) -> None:
        worked, line = self._works, json.dumps(event).encode() + b"\n"
        try:
            written = self._events.write(line if worked else b"\n" + line)  # a part of the last one may be there
            self._works = written >= len(line)
            reason = "there was room for a part only"
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self._works, reason = False, str(error)
        if worked and not self._works:
            self._complain(f"cannot write events: {reason}; they are lost until they can be written again")

    def _complain(self, text: str) -> None:
        self.event("problem", "", text)

    def _publish(self, item: LogRecord | Event) -> None:
        for subscriber in self._subscribers.copy():
            subscriber(item)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._events.close()


def open_events(folder: Path) -> FileIO:
    """The file to add events to; one that has grown big is put aside, and replaces the one put aside before."""
    file = folder / EVENTS
    try:
        private.own_folder(folder)
        if file.exists() and file.stat().st_size > BIG:
            file.replace(folder / OLD_EVENTS)
        events = os.fdopen(private.file(file, os.O_RDWR | os.O_APPEND), "r+b", buffering=0)
        events.seek(0, os.SEEK_END)
        if events.tell() > 0:
            events.seek(-1, os.SEEK_END)
            events.write(b"" if events.read() == b"\n" else b"\n")  # a crash has left a part of a line
        return events
    except OSError as error:
        raise FugeError(f"cannot write {file}: {error.strerror}; fuge keeps what happens there") from None


def read_events(folder: Path) -> Iterator[Event]:
    """All events kept in a log folder, oldest first; a torn last line is left out."""
    for name in (OLD_EVENTS, EVENTS):
        with contextlib.suppress(FileNotFoundError), (folder / name).open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)
