"""The thread that writes spans: what has come meanwhile is one batch, and what does not fit is counted."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from fuge.engine.traces.span import Span
from fuge.engine.traces.store import Store
from fuge.services.threads import in_thread

MOST_WAITING = 8 << 20  # bytes of requests whose spans are not written yet; there is room for any single one
FAILURES = (OSError, sqlite3.Error)


class Writer:
    """Takes spans until it is closed. `complain` is told, in the thread, what cannot be kept: once, until it can be."""

    def __init__(self, file: Path, complain: Callable[[str], object]) -> None:
        self._file, self._complain = file, complain
        self._store: Store | None = None
        self._works = True
        self._lost = 0  # spans that could not be written, and that this could not be written of either
        self._waiting: deque[tuple[Sequence[Span], int]] = deque()
        self._weight = 0
        self._dropped = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True, name="traces")
        self._thread.start()

    def put(self, spans: Sequence[Span], weight: int) -> bool:
        """Have the spans of a request of so many bytes written. False: there is no room, and they are dropped."""
        with self._changed:
            fits = not self._waiting or self._weight + weight <= MOST_WAITING
            if fits:
                self._waiting.append((spans, weight))
                self._weight += weight
            else:
                self._dropped += len(spans)
            self._changed.notify()
        return fits

    def drop(self, count: int) -> None:
        """Count spans that nobody could keep."""
        with self._changed:
            self._dropped += count
            self._changed.notify()

    async def close(self) -> None:
        """Return when all that was taken is written."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await in_thread(self._thread.join)

    # In the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._keep([], 0)  # so that a database that cannot be used is told of at once
        while batch := self._next():
            self._keep(*batch)
        if self._lost:
            self._keep([], 0)
        self._close_store()

    def _next(self) -> tuple[list[Span], int] | None:
        """All that has come, and how many were dropped; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._dropped or self._closing)
            if not (self._waiting or self._dropped):
                return None
            spans, dropped = [span for spans, _ in self._waiting for span in spans], self._dropped
            self._waiting.clear()
            self._weight = self._dropped = 0
            return spans, dropped

    def _keep(self, spans: Sequence[Span], dropped: int) -> None:
        try:
            self._store = self._store or Store(self._file, self._complain)
            self._store.add(spans, dropped + self._lost)
        except FAILURES as error:
            self._lost += len(spans) + dropped
            if self._works:
                self._complain(f"cannot write {self._file}: {error}; traces are lost until it can be written again")
            self._works = False
            self._close_store()
        else:
            self._works, self._lost = True, 0

    def _close_store(self) -> None:
        """It is opened anew for the next batch: what was wrong may be the file itself."""
        if self._store:
            self._store.close()
            self._store = None
