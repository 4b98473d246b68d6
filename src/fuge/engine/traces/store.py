"""What is written to the database: spans, the sums of each trace, and what has to go to make room."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fuge.engine.traces import database
from fuge.engine.traces.span import Span

MOST_BYTES = 64 << 20  # of all that is kept
LEFT = 0.9  # of that, when something had to go
A_SHARE = 20  # so many steps would remove everything

ADD_SPAN = f"INSERT OR IGNORE INTO spans VALUES ({', '.join('?' * len(Span._fields))})"  # noqa: S608
ADD_TRACE = """
INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    seen = excluded.seen, start = min(start, excluded.start), "end" = max("end", excluded."end"),
    spans = spans + excluded.spans, errors = errors + excluded.errors
"""
COUNT = "UPDATE counts SET value = value + ? WHERE name = ?"
OLDEST = "SELECT id FROM traces ORDER BY seen LIMIT (SELECT count(*) / ? + 1 FROM traces)"


class Store:
    """Used by one thread. `complain` is told of a database that had to be put aside.

    Raises OSError and sqlite3.Error: then nothing of the call was kept.
    """

    def __init__(self, file: Path, complain: Callable[[str], object]) -> None:
        self._file, self._complain = file, complain
        self._connection = database.opened(file, complain)

    def add(self, spans: Sequence[Span], dropped: int) -> None:
        """Keep these, and that so many more could not be; the traces that were added to longest ago may have to go."""
        try:
            self._add(spans, dropped)
        except sqlite3.Error as error:
            if not database.is_unusable(error):
                raise
            self.close()
            database.put_aside(self._file, str(error), self._complain)
            self._connection = database.opened(self._file, self._complain)
            self._add(spans, dropped)

    def close(self) -> None:
        self._connection.close()

    def _add(self, spans: Sequence[Span], dropped: int) -> None:
        with self._transaction():
            self._connection.execute(COUNT, (len(spans), "stored"))
            self._connection.execute(COUNT, (dropped, "dropped"))
            [seen] = self._connection.execute("SELECT value FROM counts WHERE name = 'stored'").fetchone()
            traces: dict[str, list[Span]] = {}
            for span in spans:  # one that an exporter has sent twice, since it saw no answer, is there already
                if self._connection.execute(ADD_SPAN, span).rowcount:
                    traces.setdefault(span.trace, []).append(span)
            self._connection.executemany(ADD_TRACE, [sums(trace, seen, own) for trace, own in traces.items()])
            is_full = self._used() > MOST_BYTES
            if is_full:
                self._make_room()
        if is_full:
            self._shrink()

    def _make_room(self) -> None:
        while self._used() > MOST_BYTES * LEFT:
            oldest = self._connection.execute(OLDEST, (A_SHARE,)).fetchall()
            self._connection.executemany("DELETE FROM spans WHERE trace = ?", oldest)
            self._connection.executemany("DELETE FROM traces WHERE id = ?", oldest)
            if not oldest:
                break

    def _shrink(self) -> None:
        """Give the room back to the disk; where that fails it is taken for the next spans."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _used(self) -> int:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        return int((pages - free) * size)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some errors have rolled back already
                self._connection.execute("ROLLBACK")
            raise


def sums(trace: str, seen: int, spans: Sequence[Span]) -> tuple[str, int, int, int, int, int]:
    start, end = min(span.start for span in spans), max(span.start + span.duration for span in spans)
    return trace, seen, start, end, len(spans), sum(span.error for span in spans)
