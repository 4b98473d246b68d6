"""What services have said: chosen, merged, with context, and followed while it is being written."""

import asyncio
import io
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from datetime import datetime
from pathlib import Path

import pytest
from helpers import wait_until

from fuge.errors import FugeError
from fuge.services.history import Query, _Files, follow, parse_since, read
from fuge.services.logs import LogFile, LogRecord, Stream, to_line

NOON = 1795521600.0  # 2026-11-24T12:00:00Z


def record(text: str, time: float = NOON, service: str = "api", stream: Stream = "out") -> LogRecord:
    return LogRecord(time, service, stream, 7, text)


def write(folder: Path, *records: LogRecord) -> None:
    """Append the records to their services' files, by hand."""
    for one in records:
        with (folder / f"{one.service}.log").open("a", encoding="utf-8") as file:
            file.write(to_line(one))


def numbered(*numbers: int) -> list[LogRecord]:
    return [record(str(number), NOON + number) for number in numbers]


def texts(folder: Path, query: Query) -> list[str]:
    return [found.text for found in read(folder, query)]


API = Query(("api",))


# read: services, streams, since, last


def test_missing_files_are_nothing(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none", Query(("api", "web")))) == []
    assert list(read(tmp_path, Query(()))) == []


def test_services_are_merged_by_time(tmp_path: Path) -> None:
    api = [record(f"api {time}", time) for time in (1.0, 3.0, 3.0, 6.0)]
    web = [record(f"web {time}", time, "web") for time in (2.0, 3.0, 5.0)]
    write(tmp_path, *api, *web, record("not asked for", 4.0, "db"))
    assert list(read(tmp_path, Query(("api", "web")))) == [api[0], web[0], api[1], api[2], web[1], web[2], api[3]]
    assert list(read(tmp_path, Query(("web", "api")))) == [api[0], web[0], web[1], api[1], api[2], web[2], api[3]]
    assert list(read(tmp_path, Query(("web",)))) == web


def test_service_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, *numbered(1, 2))
    assert list(read(tmp_path, Query(("api", "api")))) == numbered(1, 2)


def test_clock_set_back_does_not_reorder_a_service(tmp_path: Path) -> None:
    write(tmp_path, *numbered(1, 5, 2, 3, 6))
    write(tmp_path, record("a", NOON + 4, "web"), record("b", NOON + 5.5, "web"))
    assert texts(tmp_path, Query(("api", "web"))) == ["1", "a", "5", "2", "3", "b", "6"]


def test_rotated_files_come_first(tmp_path: Path) -> None:
    for name, number in (("api.log", 4), ("api.log.1", 3), ("api.log.2", 2), ("api.log.3", 1)):
        (tmp_path / name).write_text(to_line(record(str(number))))
    (tmp_path / "api.log.old").write_text(to_line(record("foreign")))
    assert texts(tmp_path, API) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("missing", ["api.log", "api.log.1", "api.log.2"])
def test_rotation_may_be_under_way(tmp_path: Path, missing: str) -> None:
    for name in {"api.log", "api.log.1", "api.log.2", "api.log.3"} - {missing}:
        (tmp_path / name).write_text(to_line(record(name)))
    expected = [name for name in ("api.log.3", "api.log.2", "api.log.1", "api.log") if name != missing]
    assert texts(tmp_path, API) == expected


def test_lines_that_are_no_records_are_left_out(tmp_path: Path) -> None:
    torn = to_line(record("torn"))[:-1]
    (tmp_path / "api.log").write_bytes(b"foreign\n\n\xff\xfe\n" + to_line(record("one")).encode() + torn.encode())
    assert list(read(tmp_path, API)) == [record("one")]


def test_streams_are_chosen(tmp_path: Path) -> None:
    streams: tuple[Stream, ...] = ("out", "err", "fuge")
    write(tmp_path, *(record(stream, stream=stream) for stream in streams))
    for stream in streams:
        assert texts(tmp_path, Query(("api",), streams=frozenset({stream}))) == [stream]
    assert texts(tmp_path, Query(("api",), streams=frozenset({"out", "fuge"}))) == ["out", "fuge"]


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (0.0, ["1", "2", "3"]),
        (NOON + 1, ["1", "2", "3"]),
        (NOON + 1.000001, ["2", "3"]),
        (NOON + 3, ["3"]),
        (NOON + 3.5, []),
    ],
)
def test_since_leaves_out_what_is_older(tmp_path: Path, since: float, expected: list[str]) -> None:
    write(tmp_path, *numbered(1, 2, 3))
    assert texts(tmp_path, Query(("api",), since=since)) == expected


@pytest.mark.parametrize("last", [0, 1, 4, 5, 100])
def test_last_counts_after_merging(tmp_path: Path, last: int) -> None:
    write(tmp_path, *numbered(1, 3, 5), record("2", NOON + 2, "web"), record("4", NOON + 4, "web"))
    assert texts(tmp_path, Query(("api", "web"), last=last)) == ["1", "2", "3", "4", "5"][5 - min(last, 5) :]


def test_reading_stops_where_its_caller_stops(tmp_path: Path) -> None:
    write(tmp_path, *numbered(1, 2, 3))
    assert next(read(tmp_path, API)) == numbered(1)[0]


def test_line_may_be_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    lines = [record("x" * length) for length in (300_000, 1, 262_144, 600_000, 0)]
    write(tmp_path, *lines)
    assert list(read(tmp_path, API)) == lines


# read: pattern and context


def test_pattern_is_searched_in_the_text_only(tmp_path: Path) -> None:
    write(tmp_path, record("GET /orders"), record("out 2026"), record("POST /orders"))
    assert texts(tmp_path, Query(("api",), pattern=re.compile("/orders$"))) == ["GET /orders", "POST /orders"]
    assert texts(tmp_path, Query(("api",), pattern=re.compile("^GET"))) == ["GET /orders"]
    assert texts(tmp_path, Query(("api",), pattern=re.compile("api|12:00"))) == []


def test_pattern_does_not_see_colours(tmp_path: Path) -> None:
    coloured = record("\x1b[1;32mGET\x1b[0m /orders")
    write(tmp_path, coloured)
    assert list(read(tmp_path, Query(("api",), pattern=re.compile("^GET /orders")))) == [coloured]
    assert list(read(tmp_path, Query(("api",), pattern=re.compile("32")))) == []


def test_context_is_of_the_same_service(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path, record(f"api {number}", number), record(f"web {number}", number, "web"))
    query = Query(("api", "web"), pattern=re.compile("api 2"), context=1)
    assert texts(tmp_path, query) == ["api 1", "api 2", "api 3"]


def with_context(records: list[LogRecord], query: Query) -> list[LogRecord]:
    """As simple as can be: those that are at most `context` away from a match."""
    wanted = [one for one in records if one.stream in query.streams and one.time >= (query.since or 0)]
    assert query.pattern
    hits = [index for index, one in enumerate(wanted) if query.pattern.search(one.text)]
    return [one for index, one in enumerate(wanted) if any(abs(index - hit) <= query.context for hit in hits)]


def test_context_is_that_of_grep(tmp_path: Path) -> None:
    chance = random.Random(3)
    for round_ in range(300):
        records = [
            record(f"{index} {chance.choice('aab')}", index, stream=chance.choice(("out", "err")))
            for index in range(chance.randrange(30))
        ]
        (tmp_path / "api.log").write_text("".join(map(to_line, records)))
        query = Query(
            ("api",),
            pattern=re.compile(chance.choice(["b", "a", "[05] b", "z"])),
            context=chance.randrange(5),
            since=chance.choice([None, 7.0]),
            streams=frozenset(chance.choice([("out",), ("out", "err")])),
        )
        assert list(read(tmp_path, query)) == with_context(records, query), f"round {round_}: {query}"


# parse_since


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1d", 86_400),
        ("1h30m", 5400),
        ("1d2h3m4s", 93_784),
        ("0s", 0),
        ("1m90s", 150),
        ("99999999d", NOON),
    ],
)
def test_since_a_duration(text: str, seconds: float) -> None:
    assert parse_since(text, NOON) == NOON - seconds


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-24T05:21", datetime(2026, 11, 24, 5, 21)),
        ("2026-11-24 05:21:07.5", datetime(2026, 11, 24, 5, 21, 7, 500_000)),
        ("2026-11-23", datetime(2026, 11, 23)),
        ("05:21", datetime(2026, 11, 24, 5, 21)),
        ("05:21:07", datetime(2026, 11, 24, 5, 21, 7)),
        ("00:00", datetime(2026, 11, 24)),
    ],
)
@pytest.mark.usefixtures("zone")
def test_since_a_local_time(text: str, time: datetime) -> None:
    assert parse_since(text, NOON) == time.timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24T12:00Z", NOON),
        ("2026-11-24T12:00:00.123456Z", NOON + 0.123456),
        ("2026-11-24T12:00+01:00", NOON - 3600),
        ("1812-01-01T00:00Z", 0),
    ],
)
@pytest.mark.usefixtures("zone")
def test_since_a_time_with_a_zone(text: str, seconds: float) -> None:
    assert parse_since(text, NOON) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "10", "05", "10 m", "m", "-5m", "1.5h", "30m1h", "5w", "٥m", "yesterday", "25:00", "5:21"),
        *("2026-11-31", pytest.param("9" * 400 + "d", id="too long"), pytest.param("9" * 5000 + "s", id="no number")),
    ],
)
def test_since_anything_else_is_refused(text: str) -> None:
    said = "expected a duration such as 90s, 10m or 1h30m, or a time such as 05:21 or 2026-11-24T05:21, found "
    with pytest.raises(FugeError, match=re.escape(said + repr(text)) + "$"):
        parse_since(text, NOON)


# follow


async def take(records: AsyncIterator[LogRecord], count: int) -> list[str]:
    async with asyncio.timeout(20):
        return [(await anext(records)).text for _ in range(count)]


async def nothing_comes(records: AsyncIterator[LogRecord]) -> bool:
    """Only at the end of a test: it closes `records`."""
    try:
        async with asyncio.timeout(0.1):
            await anext(records)
    except TimeoutError:
        return True
    return False


def following(folder: Path, query: Query, poll: float = 0.005) -> "aclosing[AsyncGenerator[LogRecord, None]]":
    return aclosing(follow(folder, query, poll))


async def in_steps(folder: Path, query: Query, *steps: tuple[Callable[[], object], list[str]]) -> None:
    """After each action exactly the texts come that are named with it, and nothing after the last."""
    async with following(folder, query) as records:
        for action, expected in steps:
            action()
            assert await take(records, len(expected)) == expected
        assert await nothing_comes(records)


def test_follow_goes_on_where_reading_ends(tmp_path: Path) -> None:
    asyncio.run(
        in_steps(
            tmp_path,
            Query(("api", "web")),
            (lambda: write(tmp_path, *numbered(1, 2)), ["1", "2"]),
            (lambda: write(tmp_path, *numbered(3)), ["3"]),
            (lambda: write(tmp_path, record("appears later", 0, "web")), ["appears later"]),
            (lambda: write(tmp_path, record("w", NOON, "web"), *numbered(4)), ["w", "4"]),
        )
    )


def test_follow_counts_last_among_what_is_there_only(tmp_path: Path) -> None:
    write(tmp_path, *numbered(1, 2, 3))
    query = Query(("api",), last=1)
    steps = (lambda: None, ["3"]), (lambda: write(tmp_path, *numbered(4, 5)), ["4", "5"])
    asyncio.run(in_steps(tmp_path, query, *steps))


def test_follow_gives_context_on_both_sides(tmp_path: Path) -> None:
    write(tmp_path, *numbered(1, 2, 3))
    asyncio.run(
        in_steps(
            tmp_path,
            Query(("api",), pattern=re.compile("[39]"), context=2),
            (lambda: None, ["1", "2", "3"]),
            (lambda: write(tmp_path, *numbered(4)), ["4"]),
            (lambda: write(tmp_path, *numbered(5, 6, 7, 8)), ["5"]),
            (lambda: write(tmp_path, *numbered(9)), ["7", "8", "9"]),
        )
    )


def test_follow_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    line = to_line(record("größer")).encode()

    async def check() -> None:
        with (tmp_path / "api.log").open("wb", buffering=0) as file:
            async with following(tmp_path, API) as records:
                coming = asyncio.ensure_future(anext(records))
                for byte in line[:-1]:
                    file.write(bytes([byte]))
                    await asyncio.sleep(0.001)
                assert not coming.done()
                file.write(line[-1:])
                assert (await asyncio.wait_for(coming, 10)).text == "größer"

    asyncio.run(check())


def test_follow_is_not_misled_by_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text(to_line(record("one")) + to_line(record("torn"))[:-1])
    with closing(LogFile(path)) as file:
        steps = (lambda: None, ["one"]), (lambda: file.write(numbered(2)), ["2"])
        asyncio.run(in_steps(tmp_path, API, *steps))


def test_follow_reads_rotated_files_to_their_end(tmp_path: Path) -> None:
    with closing(LogFile(tmp_path / "api.log", limit=1, kept=3)) as file:  # each write rotates

        def add(*numbers: int) -> Callable[[], None]:
            def write_each() -> None:
                for one in numbered(*numbers):
                    file.write([one])

            return write_each

        asyncio.run(
            in_steps(
                tmp_path,
                API,
                (add(1, 2), ["1", "2"]),
                (add(3), ["3"]),
                (add(4, 5, 6), ["4", "5", "6"]),
                (add(7, 8, 9, 10, 11, 12), ["9", "10", "11", "12"]),  # 7 and 8 were gone before they could be seen
                (add(13), ["13"]),
            )
        )


def test_line_is_found_if_a_rotation_follows_it_at_once(tmp_path: Path) -> None:
    class Interrupted(_Files):
        """In whose work, just before it looks for newer files, a writer writes, rotates and writes."""

        def _newer(self) -> list[io.FileIO]:
            write(tmp_path, *numbered(1))
            (tmp_path / "api.log").rename(tmp_path / "api.log.1")
            write(tmp_path, *numbered(2))
            return super()._newer()

    with closing(Interrupted(tmp_path / "api.log")) as files:
        both = [to_line(one).encode() for one in numbered(1, 2)]
        assert [list(files.lines()) for _ in range(3)] == [both] * 3


@pytest.mark.parametrize("rest", ["", "the start of a line"])
def test_follow_starts_again_in_a_file_that_was_emptied(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "api.log"
    path.write_text(to_line(record("1")) + to_line(record("2")) + rest)

    async def check() -> None:
        async with following(tmp_path, API) as records:
            assert await take(records, 2) == ["1", "2"]
            coming = asyncio.ensure_future(anext(records))
            await asyncio.sleep(0.05)
            os.truncate(path, 0)
            write(tmp_path, record("3"))
            assert (await asyncio.wait_for(coming, 10)).text == "3"

    asyncio.run(check())


def test_follow_survives_that_the_newest_file_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "api.log.1").write_text(to_line(record("1")))
    steps = (
        (lambda: write(tmp_path, *numbered(2)), ["1", "2"]),
        (lambda: (tmp_path / "api.log").unlink(), []),
        (lambda: write(tmp_path, *numbered(3)), ["3"]),
        (lambda: write(tmp_path, *numbered(4)), ["4"]),
    )
    asyncio.run(in_steps(tmp_path, API, *steps))


def test_follow_keeps_no_deleted_file_open(tmp_path: Path) -> None:
    def open_files() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    async def check() -> None:
        before = open_files()
        async with following(tmp_path, API) as records:
            for number in range(30):
                file.write(numbered(number))
                assert await take(records, 1) == [str(number)]
            assert open_files() - before <= 2 + 1 + 1  # kept, newest, and the last one to be deleted
        assert open_files() <= before

    with closing(LogFile(tmp_path / "api.log", limit=1, kept=2)) as file:
        file.write(numbered(99))
        (tmp_path / "api.log").unlink()
        asyncio.run(check())


def test_follow_lets_others_work_while_it_gives_much(tmp_path: Path) -> None:
    write(tmp_path, *numbered(*range(5000)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def check() -> None:
        task = asyncio.create_task(other())
        async with following(tmp_path, API) as records:
            assert await take(records, 5000) == [str(number) for number in range(5000)]
        task.cancel()

    asyncio.run(check())
    assert turns >= 9


WRITER = """
import random, sys, time
from pathlib import Path
from fuge.services.logs import LogFile, LogRecord
chance = random.Random(4)
file = LogFile(Path(sys.argv[1]) / f"{sys.argv[2]}.log", limit=50_000, kept=50)
number = 0
while number < 20_000:
    batch = range(number, min(number + chance.randrange(1, 40), 20_000))
    file.write(LogRecord(time.time(), sys.argv[2], "out", 1, str(one)) for one in batch)
    number = batch.stop
"""


def writer(folder: Path, service: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITER, folder, service])


@pytest.mark.parametrize("poll", [0.0, 0.02])
def test_follow_loses_and_repeats_nothing_of_busy_writers(tmp_path: Path, poll: float) -> None:
    """20,000 lines of each of two services, in some 20 files that are all kept; following starts in their midst."""

    async def check() -> None:
        found: dict[str, list[str]] = {"api": [], "web": []}
        async with asyncio.timeout(60), following(tmp_path, Query(("api", "web")), poll) as records:
            async for one in records:
                found[one.service].append(one.text)
                if sum(map(len, found.values())) == 40_000:
                    break
        expected = [str(number) for number in range(20_000)]
        assert found == {"api": expected, "web": expected}

    with writer(tmp_path, "api"), writer(tmp_path, "web"):
        assert wait_until(lambda: (tmp_path / "api.log.1").exists())
        asyncio.run(check())
    assert [one.text for one in read(tmp_path, API)] == [str(number) for number in range(20_000)]


def test_reading_beside_a_busy_writer_gives_a_start_without_gaps(tmp_path: Path) -> None:
    with writer(tmp_path, "api") as busy:
        reads = 0
        while busy.poll() is None:
            found = texts(tmp_path, API)
            assert found == [str(number) for number in range(len(found))]
            reads += 1
    assert reads
