"""What services have said, read from their files: one service or several, all or a choice, once or as it comes."""

import asyncio
import heapq
import io
import itertools
import os
import re
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from operator import itemgetter
from pathlib import Path

from fuge.errors import FugeError
from fuge.services.logs import LogRecord, from_line, rotated, stamp

_CHUNK = 256 * 1024  # bytes
_PAUSE = 500  # records between two chances for others on the event loop
_DURATION = re.compile(r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True)
class Query:
    """Which records: of these services and streams, not before `since` (seconds since the epoch).

    `pattern` and `trace` are searched in the text without its colours, and a match has both; `context` records of the
    same service before and after it come with it. `last` is how many of the records that are there already, None for
    all.
    """

    services: tuple[str, ...]
    since: float | None = None
    pattern: re.Pattern[str] | None = None
    trace: re.Pattern[str] | None = None
    context: int = 0
    streams: frozenset[str] = frozenset({"out", "err", "fuge"})
    last: int | None = None


def parse_since(text: str, now: float) -> float:
    """Seconds since the epoch of a time (without a zone: local; without a day: today) or of so long before `now`.

    Raises FugeError for anything else.
    """
    try:
        if duration := _DURATION.fullmatch(text):
            days, hours, minutes, seconds = (int(digits or 0) for digits in duration.groups())
            return max(0.0, now - (((days * 24 + hours) * 60 + minutes) * 60 + seconds))
        if re.match(r"\d\d:", text):
            return datetime.combine(datetime.fromtimestamp(now), time.fromisoformat(text)).timestamp()
        return max(0.0, datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        expected = "a duration such as 90s, 10m or 1h30m, or a time such as 05:21 or 2026-11-24T05:21"
        raise FugeError(f"expected {expected}, found {text!r}") from None


def read(folder: Path, query: Query) -> Iterator[LogRecord]:
    """The records in the folder's files by time; those of one service stay in the order they were written."""
    with _tails(folder, query) as tails:
        yield from _new(tails, query.last)


async def follow(folder: Path, query: Query, poll: float = 0.1) -> AsyncGenerator[LogRecord, None]:
    """What `read` gives, then without an end what is added; the files are looked at every `poll` seconds.

    None is lost and none comes twice, unless so much is written between two looks that a file is rotated out of
    existence. Records that are found at the same look are in the order of time. Close it (contextlib.aclosing).
    """
    with _tails(folder, query) as tails:
        records = _new(tails, query.last)
        while True:
            for count, record in enumerate(records, 1):
                yield record
                if count % _PAUSE == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(poll)
            records = _new(tails)


def _new(tails: list["_Tail"], last: int | None = None) -> Iterable[LogRecord]:
    records = (record for _, record in heapq.merge(*(tail.new() for tail in tails), key=itemgetter(0)))
    return records if last is None else deque(records, maxlen=last)


@contextmanager
def _tails(folder: Path, query: Query) -> Iterator[list["_Tail"]]:
    with ExitStack() as stack:
        yield [_Tail(folder, service, query, stack) for service in dict.fromkeys(query.services)]


class _Tail:
    """What the query wants of one service; each call of `new` goes on where the one before ended."""

    def __init__(self, folder: Path, service: str, query: Query, stack: ExitStack) -> None:
        self._service = service
        self._streams = query.streams
        self._since = b"" if query.since is None else stamp(query.since).encode()
        self._files = stack.enter_context(closing(_Files(folder / f"{service}.log")))
        self._matches = _Matches(query)

    def new(self) -> Iterator[tuple[float, LogRecord]]:
        """Each record with its key for the merge, the latest time so far: a clock set back reorders nothing."""
        latest = 0.0
        for line in self._files.lines():
            if line < self._since:  # as bytes, because most lines may be older, and parsing takes longer
                continue
            record = from_line(self._service, line.decode(errors="replace"))
            if record is None or record.stream not in self._streams:
                continue
            for chosen in self._matches.feed(record):
                latest = max(latest, chosen.time)
                yield latest, chosen


class _Matches:
    """Lets matching records pass, with their context."""

    def __init__(self, query: Query) -> None:
        self._patterns = [pattern for pattern in (query.trace, query.pattern) if pattern]
        self._context = query.context
        self._before: deque[LogRecord] = deque(maxlen=query.context)
        self._after = 0  # so many more belong to the last match

    def feed(self, record: LogRecord) -> list[LogRecord]:
        """What can pass, now that this record has come."""
        if not self._patterns:
            return [record]
        text = _COLOUR.sub("", record.text)
        if all(pattern.search(text) for pattern in self._patterns):
            passing = [*self._before, record]
            self._before.clear()
            self._after = self._context
            return passing
        if self._after:
            self._after -= 1
            return [record]
        self._before.append(record)
        return []


class _Files:
    """A service's file and the rotated ones, read as one.

    A file stays open for as long as it has a name, so that its inode number cannot become another file's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[tuple[int, int], io.FileIO] = {}
        self._current: io.FileIO | None = None
        self._rest = b""  # of the current file, a line that has not ended yet

    def close(self) -> None:
        for file in self._open.values():
            file.close()

    def lines(self) -> Iterator[bytes]:
        """The whole lines, with their ends, that have come since the last call."""
        newer = self._newer()  # looked for first: if there is one, nobody writes to the current file any more
        if self._current is not None:
            yield from self._lines_of(self._current)
        for file in newer:
            self._current, self._rest = file, b""
            yield from self._lines_of(file)

    def _lines_of(self, file: io.FileIO) -> Iterator[bytes]:
        if os.fstat(file.fileno()).st_size < file.tell():  # somebody has emptied it
            file.seek(0)
            self._rest = b""
        while data := file.read(_CHUNK):
            whole, end, rest = data.rpartition(b"\n")
            if end:
                yield from io.BytesIO(self._rest + whole + end)
                self._rest = b""
            self._rest += rest

    def _newer(self) -> list[io.FileIO]:
        """Opens the files that are not open yet; oldest first.

        It looks from the newest name on: files only ever move to older names, so none slips past, but one may be met
        twice. A name may be missing for a moment; several are the end.
        """
        self._close_deleted()
        newer: dict[tuple[int, int], io.FileIO] = {}
        names = (rotated(self._path, number) for number in itertools.count())
        missing = 0
        while missing < 3:
            try:
                file = io.FileIO(next(names))
            except FileNotFoundError:
                missing += 1
                continue
            status = os.fstat(file.fileno())
            identity = (status.st_dev, status.st_ino)
            if identity in self._open or identity in newer:
                file.close()
            else:
                newer[identity] = file
            if identity in self._open:
                break
        self._open |= reversed(newer.items())
        return list(reversed(newer.values()))

    def _close_deleted(self) -> None:
        for identity, file in list(self._open.items()):
            if file is not self._current and os.fstat(file.fileno()).st_nlink == 0:
                file.close()
                del self._open[identity]
