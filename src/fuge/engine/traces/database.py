"""The file with a system's traces: where it is, what is in it, and what becomes of one that cannot be used."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from fuge.services import private

NAME, ASIDE = "traces.sqlite", "traces.unusable.sqlite"
PARTS = ("", "-wal", "-shm")  # of a database that is written to
VERSION = 1  # of the tables
UNUSABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}  # the last one: a table is missing
WAL_LEFT = 1 << 20  # bytes

SCHEMA = """
CREATE TABLE spans (
    trace TEXT, id TEXT, parent TEXT, service TEXT, name TEXT, kind TEXT, start INTEGER, duration INTEGER,
    error INTEGER, message TEXT, details TEXT,
    UNIQUE (trace, id)  -- no primary key: without row ids, a row of 1 kB would take a page of 4
);
CREATE TABLE traces (
    id TEXT PRIMARY KEY,
    seen INTEGER,  -- how many spans had been stored when the last one of it came
    start INTEGER, "end" INTEGER, spans INTEGER, errors INTEGER
) WITHOUT ROWID;
CREATE INDEX traces_seen ON traces (seen);
CREATE INDEX traces_start ON traces (start);
CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
INSERT INTO counts VALUES ('stored', 0), ('dropped', 0);
"""


class OtherVersionError(Exception):
    """A database whose tables are those of another fuge."""


def database_file(data: Path) -> Path:
    """Of the system whose data folder that is."""
    return data / NAME


def opened(file: Path, complain: Callable[[str], object]) -> sqlite3.Connection:
    """The database, to write to it, made if it is not there.

    One that cannot be used is put aside, and `complain` is told. Raises OSError and sqlite3.Error.
    """
    try:
        return connected(file)
    except (sqlite3.Error, OtherVersionError) as error:
        if not is_unusable(error):
            raise
        put_aside(file, str(error), complain)
        return connected(file)


def is_unusable(error: Exception) -> bool:
    """Whether another try would not help; on a disk that is full it may."""
    return isinstance(error, OtherVersionError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in UNUSABLE


def put_aside(file: Path, reason: str, complain: Callable[[str], object]) -> None:
    """It takes the place of the one that was put aside before. Raises OSError."""
    aside = file.with_name(ASIDE)
    for part in PARTS:
        Path(f"{aside}{part}").unlink(missing_ok=True)
        if Path(f"{file}{part}").exists():
            Path(f"{file}{part}").replace(f"{aside}{part}")
    complain(f"cannot use {file}: {reason}; it is {aside} now, and traces are kept anew")


def connected(file: Path) -> sqlite3.Connection:
    os.close(private.file(file, os.O_RDWR))  # SQLite would make it by the umask; further parts get the mode of this one
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    is_new = is_empty(connection)
    if is_new:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # what is committed outlives a kill, not a loss of power
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LEFT}")
    if is_new:
        connection.executescript(f"BEGIN; PRAGMA user_version = {VERSION}; {SCHEMA} COMMIT;")
    check_version(connection)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether it is about to be made."""
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def check_version(connection: sqlite3.Connection) -> None:
    """Raises OtherVersionError, and sqlite3.Error for what is no database."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise OtherVersionError(f"expected version {VERSION} of fuge's traces, found {version}")
    connection.execute("SELECT count(*) FROM counts")
