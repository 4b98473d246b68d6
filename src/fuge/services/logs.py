"""What services say, kept: a record is one line of it, and one line in the service's file."""

import codecs
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from fuge.services import private

Stream = Literal["out", "err", "fuge"]

LONGEST = 64 * 1024  # characters in a line of output

_TORN = "\x18"  # CAN, "disregard what precedes": ends a line that a crash cut off, so that it is never read as whole
_LINE = re.compile(rf"(\S{{26}}Z) (out|err|fuge) (\d{{1,10}}) ([^\n{_TORN}]*)\n", re.ASCII)
# Control characters are shown by their Unicode pictures, such as ␍. A tab is left, and what colours and links are
# made of: ESC starts them, BEL ends a link.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\a\x1b"} | {0x7F: 0x2421}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of output, or of what fuge itself has to say about the service (stream "fuge").

    `time` is in seconds since the epoch; `pid` is the process that wrote it.
    """

    time: float
    service: str
    stream: Stream
    pid: int
    text: str


def stamp(time: float) -> str:
    """Seconds since the epoch as a line of a file starts with: 27 characters that sort as the times do."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def to_line(record: LogRecord) -> str:
    """The record as its line in the file, with the line end; control characters are replaced by their pictures."""
    return f"{stamp(record.time)} {record.stream} {record.pid} {record.text.translate(_PICTURES)}\n"


def from_line(service: str, line: str) -> LogRecord | None:
    """The record of a line with its line end; None for what is no record, or only the start of one."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    time, stream, pid, text = match.groups()
    try:
        return LogRecord(datetime.fromisoformat(time).timestamp(), service, cast(Stream, stream), int(pid), text)
    except ValueError:  # no such day or hour
        return None


def rotated(path: Path, number: int) -> Path:
    """Where the file is after so many rotations: api.log, api.log.1, api.log.2, ..."""
    return path.with_name(f"{path.name}.{number}") if number else path


class LogFile:
    """Writes a service's file, which is rotated before it would get bigger than `limit` bytes.

    `kept` rotated files, at least one, stay; the oldest one goes. A disk that is full or read-only is no error:
    `on_problem` is called with a text, once until writing works again, and the records in between are lost.
    One writer at a time, please; it may be killed at any moment.
    """

    def __init__(
        self,
        path: Path,
        limit: int = 10_000_000,
        kept: int = 2,
        on_problem: Callable[[str], object] = lambda text: None,
    ) -> None:
        if kept < 1:
            raise ValueError(f"expected to keep 1 rotated file or more, found {kept}")
        self.path = path
        self._limit, self._kept, self._on_problem = limit, kept, on_problem
        self._file: int | None = None
        self._works = True

    def write(self, records: Iterable[LogRecord]) -> None:
        """Append the records with one write; a batch bigger than the limit gets a file of its own."""
        data = "".join(map(to_line, records)).encode(errors="replace")
        if not data:
            return
        try:
            self._append(data)
        except OSError as error:
            if self._works:
                reason = error.strerror or error
                self._on_problem(f"cannot write {self.path}: {reason}; lines are lost until it can be written again")
            self._works = False
        else:
            self._works = True

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _append(self, data: bytes) -> None:
        file = self._opened()
        size = os.fstat(file).st_size
        is_torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"  # a crash, or a full disk
        batch = f"{_TORN}\n".encode() + data if is_torn else data
        if size and size + len(batch) > self._limit:
            self._rotate()
            file, batch = self._opened(), data
        if os.write(file, batch) < len(batch):
            raise OSError("there was room for a part only")

    def _opened(self) -> int:
        if self._file is not None and os.fstat(self._file).st_nlink == 0:  # somebody has deleted it
            self.close()
        if self._file is None:
            private.folder(self.path.parent)
            self._file = private.file(self.path, os.O_RDWR | os.O_APPEND)
        return self._file

    def _rotate(self) -> None:
        """From the oldest to the newest, so that a reader who looks the other way round misses none."""
        self.close()
        numbers = range(1, self._kept)
        free = next((number for number in numbers if not rotated(self.path, number).exists()), self._kept)
        for number in range(free, 0, -1):
            rotated(self.path, number - 1).replace(rotated(self.path, number))


class Lines:
    r"""Cuts a stream of bytes into lines of text, however the bytes are divided into chunks.

    A line ends with \n or \r\n. Of a line that was overwritten with \r, as progress bars do, the last state that
    is not empty remains. Bytes that are not UTF-8 become U+FFFD; a line longer than LONGEST is cut into pieces.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""  # of the line that has not ended yet

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in `data`, and the pieces of one that gets too long."""
        *lines, rest = (self._rest + self._decoder.decode(data)).split("\n")
        *pieces, last = _cut(rest)
        self._rest = last + "\r" if rest.endswith("\r") else last  # a \n may follow: then it is the line's end
        return [piece for line in lines for piece in _cut(line)] + pieces

    def flush(self) -> list[str]:
        """The rest, at the end of the stream."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        return [piece for piece in _cut(rest) if piece]


def _cut(line: str) -> list[str]:
    if "\r" in line:
        line = line.rstrip("\r").rpartition("\r")[2]
    return [line[start : start + LONGEST] for start in range(0, len(line), LONGEST)] or [""]
