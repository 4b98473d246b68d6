"""The database of traces: whole, bounded, the user's alone, and put aside if it is none."""

import asyncio
import itertools
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import wait_until

from fuge import FugeError
from fuge.engine.traces import database, flows, reading, store, writer
from fuge.engine.traces.span import Span
from fuge.engine.traces.store import Store
from fuge.engine.traces.writer import Writer

SECOND = 1_000_000_000  # nanoseconds
NUMBERS = itertools.count(1)


def span(trace: int, parent: str = "", **more: object) -> Span:
    made = Span(f"{trace:032x}", f"{next(NUMBERS):016x}", parent, "web", "work", "", 5 * SECOND, SECOND, False, "", "")
    return made._replace(**more)


def large(length: int) -> str:
    return f'{{"events":["{"x" * length}"]}}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return database.database_file(tmp_path)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(file: Path, said: list[str]) -> Iterator[Store]:
    made = Store(file, said.append)
    yield made
    made.close()


def ids(file: Path, **chosen: object) -> list[int]:
    return [int(each["id"], 16) for each in reading.traces(file, **chosen)]  # type: ignore[arg-type]


# What is kept -----------------------------------------------------------------------------------------------------


def test_trace_is_summed_up_however_its_spans_come(opened: Store, file: Path) -> None:
    root = span(1, name="order", start=10 * SECOND, duration=3 * SECOND)
    child = span(
        1, root.id, service="stock", start=11 * SECOND, error=True, message="none left", details='{"events":[1]}'
    )
    opened.add([child], 0)
    [early] = reading.traces(file)
    assert (early["name"], early["service"], early["duration"]) == ("work", "stock", 1.0)
    opened.add([root], 0)
    assert reading.traces(file) == [
        {
            "id": f"{1:032x}",
            "start": 10.0,
            "duration": 3.0,
            "name": "order",
            "service": "web",
            "services": ["web", "stock"],
            "spans": 2,
            "errors": 1,
        }
    ]
    first, second = reading.spans(file, root.trace)
    assert (first["id"], first["parent"], first["offset"], first["attributes"]) == (root.id, "", 0.0, {})
    assert (second["service"], second["offset"], second["error"]) == ("stock", 1.0, True)
    assert (second["message"], second["events"], second["links"]) == ("none left", [1], [])


def test_span_that_is_sent_twice_is_one(opened: Store, file: Path) -> None:
    one = span(1)
    opened.add([one], 0)
    opened.add([one, span(1, one.id)], 0)
    assert reading.traces(file)[0]["spans"] == 2
    assert reading.counts(file) == {"stored": 3, "dropped": 0}


def test_traces_are_chosen(opened: Store, file: Path) -> None:
    opened.add([span(1, start=1 * SECOND), span(2, start=3 * SECOND, duration=SECOND // 2)], 0)
    opened.add([span(3, start=2 * SECOND, service="stock"), span(0xABC, start=0, error=True)], 0)
    assert ids(file) == [2, 3, 1, 0xABC]
    assert ids(file, limit=2) == [2, 3]
    assert ids(file, slow=1.0) == [3, 1, 0xABC]
    assert ids(file, service="stock") == [3]
    assert ids(file, errors=True) == [0xABC]
    assert ids(file, errors=True, service="stock") == []
    assert ids(file, start_of_id="0" * 29 + "a") == [0xABC]
    assert ids(file, start_of_id="0" * 31) == [2, 3, 1]
    assert ids(file, start_of_id="f") == []


def test_nothing_is_read_where_there_is_nothing(file: Path) -> None:
    assert reading.traces(file) == []
    assert reading.spans(file, "1") == []
    assert reading.counts(file) == {"stored": 0, "dropped": 0}
    assert not file.exists()


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_database_is_the_users_alone_whatever_the_umask(file: Path, said: list[str], mask: int) -> None:
    before = os.umask(mask)
    try:
        made = Store(file, said.append)
        made.add([span(1)], 0)
        found = list(file.parent.iterdir())
        made.close()
    finally:
        os.umask(before)
    assert len(found) == 3
    assert {stat.S_IMODE(each.stat().st_mode) for each in [*found, file] if each.exists()} == {0o600}


# Its bound --------------------------------------------------------------------------------------------------------


def size(file: Path) -> int:
    return sum(each.stat().st_size for each in file.parent.iterdir())


def test_size_is_bounded_and_the_least_recent_traces_go_as_a_whole(
    opened: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 1 << 20)
    largest = 0
    for trace in range(1, 1001):
        opened.add([span(trace, details=large(1000), start=trace * SECOND) for _ in range(10)], 0)
        largest = max(largest, file.stat().st_size)
    kept = ids(file, limit=10_000)
    assert 20 < len(kept) < 200
    assert kept == list(range(1000, 1000 - len(kept), -1))
    assert {each["spans"] for each in reading.traces(file, limit=10_000)} == {10}
    assert all(len(reading.spans(file, f"{trace:032x}")) == 10 for trace in kept)
    assert largest < 1.3 * (1 << 20)
    assert size(file) < 3 * (1 << 20)
    assert reading.counts(file) == {"stored": 10_000, "dropped": 0}


def test_file_that_cannot_be_made_smaller_keeps_what_was_added(
    opened: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 1 << 17)
    refused = []

    def allow(action: int, what: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_PRAGMA and what == "incremental_vacuum":
            refused.append(what)
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    opened._connection.set_authorizer(allow)
    for trace in range(1, 101):
        opened.add([span(trace, details=large(10_000))], 0)
    assert refused
    assert reading.counts(file) == {"stored": 100, "dropped": 0}
    assert max(ids(file)) == 100


def test_trace_that_grows_is_recent_and_one_that_is_too_large_goes(
    opened: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 1 << 20)
    for trace in range(2, 300):
        opened.add([span(trace, details=large(10_000)), span(1)], 0)
    assert 1 in ids(file, limit=10_000)
    assert 2 not in ids(file, limit=10_000)
    opened.add([span(1, details=large(10_000)) for _ in range(200)], 0)
    assert ids(file) == []


# One that cannot be used ------------------------------------------------------------------------------------------


def other_version(file: Path) -> None:
    Store(file, print).close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def somebody_elses(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE spans (x)")
    connection.close()


def without_a_table(file: Path) -> None:
    Store(file, print).close()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE counts")
    connection.close()


UNUSABLE = {
    "text": lambda file: file.write_text("no database, but text that is longer than a header " * 100),
    "another version": other_version,
    "somebody else's": somebody_elses,
    "without a table": without_a_table,
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_database_that_cannot_be_used_is_put_aside_and_said_once(file: Path, said: list[str], kind: str) -> None:
    UNUSABLE[kind](file)
    with pytest.raises(FugeError, match=r"expected fuge's traces in .*, found something else"):
        reading.traces(file)
    before = file.read_bytes()
    made = Store(file, said.append)
    made.add([span(1)], 0)
    made.close()
    assert ids(file) == [1]
    assert file.with_name(database.ASIDE).read_bytes()[-100:] == before[-100:]
    assert len(said) == 1
    assert said[0].startswith(f"cannot use {file}: ")
    assert said[0].endswith(f"; it is {file.with_name(database.ASIDE)} now, and traces are kept anew")
    Store(file, said.append).close()
    assert len(said) == 1


def test_database_that_breaks_while_it_is_written_is_put_aside(opened: Store, file: Path, said: list[str]) -> None:
    opened.add([span(number) for number in range(1000)], 0)
    opened._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as broken:
        broken.seek(4096)
        broken.write(b"\xff" * (broken.seek(0, os.SEEK_END) - 4096))
        broken.seek(4096)
        broken.write(b"\xff" * 40_000)
    opened._connection.execute("PRAGMA shrink_memory")
    for number in range(2000, 2010):
        opened.add([span(number)], 0)
    assert len(said) == 1
    assert 2009 in ids(file)


def test_empty_file_is_a_database_that_was_about_to_be_made(file: Path, said: list[str]) -> None:
    file.touch()
    assert reading.traces(file) == []
    Store(file, said.append).close()
    assert reading.traces(file) == said == []


# The thread -------------------------------------------------------------------------------------------------------


async def test_all_that_was_taken_is_written_when_the_writer_closes(file: Path, said: list[str]) -> None:
    made = Writer(file, said.append)
    for trace in range(100):
        assert made.put([span(trace), span(trace)], 1)
    made.drop(7)
    await made.close()
    assert reading.counts(file) == {"stored": 200, "dropped": 7}
    assert len(ids(file, limit=1000)) == 100
    assert said == []


async def test_burst_is_accounted_for_to_the_last_span(
    file: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is held up until the queue has been too full for some."""
    go_on, add = threading.Event(), Store.add

    def held_up(self: Store, spans: list[Span], dropped: int) -> None:
        assert go_on.wait(30)
        add(self, spans, dropped)

    monkeypatch.setattr(Store, "add", held_up)
    monkeypatch.setattr(writer, "MOST_WAITING", 1000)
    made = Writer(file, said.append)
    taken = sum(made.put([span(trace) for _ in range(5)], 100) for trace in range(100))
    go_on.set()
    await made.close()
    assert taken == 10
    assert reading.counts(file) == {"stored": 50, "dropped": 450}


def test_file_that_cannot_be_written_is_said_once_and_its_spans_are_counted_later(file: Path, said: list[str]) -> None:
    file.mkdir()
    made = Writer(file, said.append)
    for trace in range(3):
        made.put([span(trace)], 1)
        assert wait_until(lambda: not made._waiting)
    file.rmdir()
    made.put([span(9)], 1)
    asyncio.run(made.close())
    assert len(said) == 1
    assert said[0].startswith(f"cannot write {file}: ")
    assert said[0].endswith("; traces are lost until it can be written again")
    counts = reading.counts(file)
    assert (sum(counts.values()), counts["stored"] >= 1) == (4, True)


def test_database_that_cannot_be_read_now_is_no_other_one(file: Path) -> None:
    file.mkdir()
    with pytest.raises(FugeError, match=f"^cannot read {file}: "):
        reading.traces(file)


# What flows -------------------------------------------------------------------------------------------------------


def flowing(file: Path, now: float) -> list[tuple[object, ...]]:
    return [(each["from"], each["to"], each["port"], each["rate"], each["errors"]) for each in flows.flows(file, now)]


def test_flow_is_what_one_service_has_done_for_another(opened: Store, file: Path) -> None:
    asking = [span(trace, name="ask") for trace in (1, 2)]
    answering = [span(int(ask.trace, 16), ask.id, service="back", error=ask.trace.endswith("2")) for ask in asking]
    inside = span(1, answering[0].id, service="back")
    opened.add([*asking, *answering, inside], 0)
    assert flowing(file, 14) == [("web", "back", None, 0.2, 1)]
    assert flowing(file, 15) == [("web", "back", None, 0.2, 1)]
    assert flowing(file, 15.1) == []  # they began more than ten seconds ago


def test_flow_to_what_tells_no_traces_is_known_by_its_port(opened: Store, file: Path) -> None:
    opened.add(
        [
            span(1, kind="client", details='{"attributes":{"net.peer.port":27017}}'),
            span(2, kind="client", details='{"attributes":{"server.port":27017}}', error=True),
            span(3, kind="server", details='{"attributes":{"server.port":3000}}'),
            span(4, kind="client"),
        ],
        0,
    )
    assert flowing(file, 10) == [("web", None, 27017, 0.2, 1)]


def test_nothing_flows_before_there_is_a_database(file: Path) -> None:
    assert flows.flows(file) == []


def test_first_spans_of_a_trace_can_be_had_alone(opened: Store, file: Path) -> None:
    opened.add([span(1, start=number * SECOND, name=str(number)) for number in (3, 1, 2)], 0)
    assert [each["name"] for each in reading.spans(file, f"{1:032x}", 2)] == ["1", "2"]
