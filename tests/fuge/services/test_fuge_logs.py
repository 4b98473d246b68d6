"""The files that keep what services say: their lines, their rotation, and what a crash or a full disk leaves."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import wait_until

from fuge.services.history import Query, read
from fuge.services.logs import LONGEST, Lines, LogFile, LogRecord, Stream, from_line, stamp, to_line

NOON = 1795521600.0  # 2026-11-24T12:00:00Z


def record(text: str, time: float = NOON, stream: Stream = "out", pid: int = 1234) -> LogRecord:
    return LogRecord(time, "api", stream, pid, text)


def texts(folder: Path) -> list[str]:
    return [record.text for record in read(folder, Query(("api",)))]


def test_line_can_be_read_with_less_and_grep() -> None:
    assert to_line(record("the text", NOON + 0.123456)) == "2026-11-24T12:00:00.123456Z out 1234 the text\n"
    assert to_line(record("", 0, "fuge", 0)) == "1970-01-01T00:00:00.000000Z fuge 0 \n"


@pytest.mark.parametrize(
    "text",
    ["", " ", "  two  spaces  ", "tab\there", "ünïcödé 🎉", r"C:\new \x00", "\x1b[31mred\x1b[0m", "a\u2028b\x85c", "␍"],
)
@pytest.mark.parametrize("stream", ["out", "err", "fuge"])
def test_line_gives_its_record_back(text: str, stream: Stream) -> None:
    original = record(text, NOON + 0.000001, stream)
    assert from_line("api", to_line(original)) == original


def test_times_survive_to_the_microsecond() -> None:
    chance = random.Random(1)
    for _ in range(1000):
        original = record("x", chance.randrange(4_000_000_000_000_000) / 1_000_000)
        assert from_line("api", to_line(original)) == original


def test_stamps_sort_as_times() -> None:
    times = sorted(random.Random(2).uniform(0, 4e9) for _ in range(1000))
    assert [stamp(time) for time in times] == sorted(stamp(time) for time in times)
    assert {len(stamp(time)) for time in times} == {27}


def test_control_characters_become_pictures_but_for_colours_and_links() -> None:
    kept = "\t \x1b[1m \x1b]8;;http://localhost\a"
    found = from_line("api", to_line(record(f"a\nb\rc\0d\x18e\x7f {kept}")))
    assert found == record(f"a␊b␍c␀d␘e␡ {kept}")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "Traceback (most recent call last):\n",
        "2026-11-24T12:00:00.000000Z out 1234\n",
        "2026-11-24T12:00:00.000000Z in 1234 text\n",
        "2026-11-24T12:00:00.000000Z out -1 text\n",
        "2026-11-24T12:00:00.000000Z out ١ text\n",
        "2026-11-24T12:00:00Z out 1234 text\n",
        "2026-13-24T12:00:00.000000Z out 1234 text\n",
        "2026-11-24T25:00:00.000000Z out 1234 text\n",
        "2026-11-24T12:00:00.000000Z out 1234 two\nlines\n",
        " 2026-11-24T12:00:00.000000Z out 1234 text\n",
    ],
)
def test_foreign_line_is_no_record(line: str) -> None:
    assert from_line("api", line) is None


def test_start_of_a_line_is_no_record() -> None:
    line = to_line(record("the text"))
    assert [from_line("api", line[:length]) for length in range(len(line))] == [None] * len(line)


def test_file_has_a_line_for_each_record(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "api.log"
    file = LogFile(path)
    file.write([record("one"), record("two", stream="err")])
    file.write([])
    file.write(iter([record("three")]))
    file.close()
    start = "2026-11-24T12:00:00.000000Z"
    assert path.read_text() == f"{start} out 1234 one\n{start} err 1234 two\n{start} out 1234 three\n"


def test_file_is_continued_by_the_next_writer_and_after_close(tmp_path: Path) -> None:
    for _ in range(2):
        file = LogFile(tmp_path / "api.log")
        for text in ("one", "two"):
            file.write([record(text)])
            file.close()
    assert texts(tmp_path) == ["one", "two", "one", "two"]


def test_text_that_is_not_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "api.log")
    file.write([record("file \udcff")])
    file.close()
    assert texts(tmp_path) == ["file ?"]


def test_rotation_comes_with_the_first_byte_over_the_limit(tmp_path: Path) -> None:
    size = len(to_line(record("1")))
    file = LogFile(tmp_path / "api.log", limit=2 * size)
    found = []
    for text in "1234567":
        file.write([record(text)])
        sizes = {path.name: path.stat().st_size // size for path in tmp_path.iterdir()}
        found.append([sizes.get(name, 0) for name in ("api.log", "api.log.1", "api.log.2", "api.log.3")])
    file.close()
    assert found == [[1, 0, 0, 0], [2, 0, 0, 0], [1, 2, 0, 0], [2, 2, 0, 0], [1, 2, 2, 0], [2, 2, 2, 0], [1, 2, 2, 0]]
    assert texts(tmp_path) == ["3", "4", "5", "6", "7"]


def test_rotation_counts_what_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text(to_line(record("old")))
    file = LogFile(tmp_path / "api.log", limit=len(to_line(record("old"))))
    file.write([record("new")])
    file.close()
    assert (tmp_path / "api.log").read_text() == to_line(record("new"))
    assert (tmp_path / "api.log.1").read_text() == to_line(record("old"))


def test_batch_over_the_limit_has_its_own_file(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "api.log", limit=10)
    for batch in (["1", "2"], ["3"]):
        file.write([record(text) for text in batch])
    file.close()
    assert (tmp_path / "api.log").read_text() == to_line(record("3"))
    assert (tmp_path / "api.log.1").read_text() == to_line(record("1")) + to_line(record("2"))


def test_rotation_that_was_interrupted_drops_nothing(tmp_path: Path) -> None:
    for name, text in (("api.log.2", "1"), ("api.log", "2")):  # api.log.1 had just been renamed
        (tmp_path / name).write_text(to_line(record(text)))
    file = LogFile(tmp_path / "api.log", limit=10)
    file.write([record("3")])
    file.close()
    assert texts(tmp_path) == ["1", "2", "3"]


def test_keeping_no_rotated_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected to keep 1 rotated file or more, found 0"):
        LogFile(tmp_path / "api.log", kept=0)


def test_file_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "api.log")
    file.write([record("one")])
    (tmp_path / "api.log").unlink()
    file.write([record("two")])
    file.close()
    assert texts(tmp_path) == ["two"]


def test_problem_is_told_once_until_writing_works_again(tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "logs"
    file = LogFile(folder / "api.log", on_problem=said.append)
    expected = f"cannot write {folder}/api.log: File exists; lines are lost until it can be written again"
    for round_ in (1, 2):
        folder.write_text("no folder")
        for _ in range(3):
            file.write([record("lost")])
        assert said == [expected] * round_
        folder.unlink()
        file.write([record(f"kept {round_}")])
        file.close()
        assert texts(folder) == [f"kept {round_}"]
        (folder / "api.log").unlink()
        folder.rmdir()


FULL_DISK = """
import resource, sys
from pathlib import Path
from fuge.services.logs import LogFile, LogRecord
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
file = LogFile(Path(sys.argv[1]), on_problem=print)
batch = [LogRecord(0, "api", "out", 1, f"{number:03}") for number in range(100)]
file.write(batch[:1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))
for _ in range(3):
    file.write(batch[1:5])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
file.write(batch[9:])
"""


def test_full_disk_leaves_whole_records(tmp_path: Path) -> None:
    """The limit of a process for its files acts as a full disk: a part is written, then nothing."""
    path = tmp_path / "api.log"
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        f"cannot write {path}: there was room for a part only; lines are lost until it can be written again"
    ]
    assert texts(tmp_path) == ["000", "001", *(f"{number:03}" for number in range(9, 100))]


def test_line_cut_off_anywhere_is_never_read_as_whole(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    first, second = to_line(record("first")).encode(), to_line(record("zweite Zeile, größer")).encode()
    for length in range(1, len(second)):
        path.write_bytes(first + second[:length])
        assert texts(tmp_path) == ["first"]
        file = LogFile(path)
        file.write([record("third")])
        file.write([record("fourth")])
        file.close()
        assert texts(tmp_path) == ["first", "third", "fourth"]
        assert path.read_bytes() == first + second[:length] + b"\x18\n" + to_line(record("third")).encode() + (
            to_line(record("fourth")).encode()
        )


def test_line_cut_off_before_a_rotation_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text(to_line(record("first")) + to_line(record("torn"))[:-2])
    file = LogFile(tmp_path / "api.log", limit=10)
    file.write([record("next")])
    file.close()
    assert (tmp_path / "api.log").read_text() == to_line(record("next"))
    assert texts(tmp_path) == ["first", "next"]


BUSY = """
import itertools, sys
from pathlib import Path
from fuge.services.logs import LogFile, LogRecord
file = LogFile(Path(sys.argv[1]), limit=4_000_000, kept=50)
numbers = itertools.count()
while True:
    file.write([LogRecord(0, "api", "out", 1, f"{next(numbers):07} and ä lot möre") for _ in range(20_000)])
"""


@pytest.mark.parametrize("pause", [0.0, 0.013, 0.029])
def test_writer_that_is_killed_leaves_whole_records(tmp_path: Path, pause: float) -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY, tmp_path / "api.log"]) as writer:
        assert wait_until(lambda: (tmp_path / "api.log.1").exists())
        time.sleep(pause)  # so that it is killed at another moment
        writer.send_signal(signal.SIGKILL)
    before = texts(tmp_path)
    assert before == [f"{number:07} and ä lot möre" for number in range(len(before))]
    file = LogFile(tmp_path / "api.log", kept=50)
    file.write([record("next")])
    file.close()
    assert texts(tmp_path) == [*before, "next"]


def cut(*chunks: bytes) -> list[str]:
    lines = Lines()
    return [line for chunk in chunks for line in lines.feed(chunk)] + lines.flush()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\r\n", [""]),
        (b"a\r\r\nb", ["a", "b"]),
        (b"1%\r50%\r100%\ndone\n", ["100%", "done"]),
        (b"1%\r50%\r\ndone\n", ["50%", "done"]),
        (b"1%\r50%\r", ["50%"]),
        (b"\r1%", ["1%"]),
        (b"\r", []),
        (b"a\x0bb\x0cc\xc2\x85d\xe2\x80\xa8e\n", ["a\x0bb\x0cc\x85d\u2028e"]),  # what str.splitlines() would cut
        ("ä€🎉\n".encode(), ["ä€🎉"]),
        (b"\xff a\xe2\x82\nb\xf0\x9f", ["\ufffd a\ufffd", "b\ufffd"]),
        (b"\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
    ],
)
def test_lines_are_the_same_however_the_bytes_come(data: bytes, lines: list[str]) -> None:
    assert cut(data) == lines
    assert cut(*(bytes([byte]) for byte in data)) == lines
    for first in range(len(data) + 1):
        for second in range(first, len(data) + 1):
            assert cut(data[:first], data[first:second], data[second:]) == lines


def test_lines_come_as_soon_as_they_end() -> None:
    lines = Lines()
    assert lines.feed(b"a\nb") == ["a"]
    assert lines.feed(b"c\r") == []
    assert lines.feed(b"\nd\r\n\xc3") == ["bc", "d"]
    assert lines.feed(b"\xa4") == []
    assert lines.flush() == ["ä"]
    assert lines.flush() == []
    assert lines.feed(b"again\n") == ["again"]


@pytest.mark.parametrize("extra", [-1, 0, 1, LONGEST - 1, LONGEST, LONGEST + 1])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("chunk", [1000, 4096, LONGEST, LONGEST + 1, 10 * LONGEST])
def test_long_line_is_cut_into_pieces(extra: int, end: bytes, chunk: int) -> None:
    data = b"x" * (LONGEST + extra) + end
    pieces = cut(*(data[start : start + chunk] for start in range(0, len(data), chunk)))
    assert "".join(pieces) == "x" * (LONGEST + extra)
    assert [len(piece) for piece in pieces[:-1]] == [LONGEST] * (len(pieces) - 1)
    assert 0 < len(pieces[-1]) <= LONGEST


def test_long_line_is_cut_between_characters() -> None:
    assert cut("€".encode() * (LONGEST + 1) + b"\n") == ["€" * LONGEST, "€"]


def test_line_without_an_end_does_not_fill_the_memory() -> None:
    lines = Lines()
    pieces = [len(piece) for _ in range(100) for piece in lines.feed(b"x" * LONGEST)]
    assert pieces == [LONGEST] * 99
    assert lines.flush() == ["x" * LONGEST]


def test_progress_bar_without_an_end_does_not_fill_the_memory() -> None:
    lines = Lines()
    assert [line for number in range(100_000) for line in lines.feed(b"%d%%\r" % number)] == []
    assert lines.flush() == ["99999%"]


def test_many_short_lines_are_quick() -> None:
    data = b"".join(b"line %d\r\n" % number for number in range(100_000))
    began = time.process_time()
    lines = cut(*(data[start : start + 65536] for start in range(0, len(data), 65536)))
    assert time.process_time() - began < 5  # it takes 0.03; looking at each line more than once would take minutes
    assert lines == [f"line {number}" for number in range(100_000)]
