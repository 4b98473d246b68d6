"""The series that are kept: how fast they grow, when they begin anew, and how many there may be."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from fuge.engine.metrics import board as boards
from fuge.engine.metrics import report
from fuge.engine.metrics.board import GONE, Board
from fuge.engine.metrics.point import Key, Point
from fuge.engine.metrics.quantiles import quantile
from fuge.engine.metrics.series import KEPT, WINDOW

BOUNDS = (0.1, 0.2, 0.4)


def key(name: str = "calls", instance: str = "web", **told: str) -> Key:
    return Key("web", instance, name, tuple(sorted(told.items())))


def counted(value: float, started: int = 1, **more: Any) -> Point:
    return Point(key(**more), "counter", "", value, started=started)


def timed(buckets: Sequence[int], started: int = 1, delta: bool = False, **told: str) -> Point:
    count = sum(buckets)
    return Point(key("took", **told), "histogram", "s", count * 0.1, count, BOUNDS, tuple(buckets), started, delta)


@pytest.fixture
def board() -> Board:
    return Board(lambda text: pytest.fail(text))


def rates(board: Board, now: float) -> list[float | None]:
    return [each["rate"] for found in report.report(board.series(now), now) for each in found["series"]]


def test_growth_is_told_over_the_window(board: Board) -> None:
    for second in range(30):
        board.put([counted(second * 5)], float(second))
    assert rates(board, 29.5) == [pytest.approx(5)]
    board.put([counted(29 * 5)], 30.0)  # nothing came
    assert rates(board, 30.0) == [pytest.approx(4.5)]


def test_growth_is_told_between_the_last_two_where_they_are_far_apart(board: Board) -> None:
    board.put([counted(0)], 0.0)
    board.put([counted(120)], 60.0)
    assert rates(board, 90.0) == [pytest.approx(2)]
    assert rates(board, 60.0 + 121) == [None]


def test_a_single_value_tells_no_growth(board: Board) -> None:
    board.put([counted(7), Point(key("size"), "gauge", "", 3.0)], 0.0)
    assert rates(board, 0.0) == [None, None]
    board.put([counted(7), Point(key("size"), "gauge", "", 4.0)], 0.0)  # at the same moment
    assert rates(board, 0.0) == [None, None]


def test_series_that_is_new_to_a_known_instance_has_begun_with_nothing(board: Board) -> None:
    for second in range(5):
        board.put([counted(second)], float(second))
    board.put([counted(5), counted(10, name="failures"), counted(9, instance="other")], 5.0)
    assert rates(board, 5.0) == [pytest.approx(1), pytest.approx(2), None]


@pytest.mark.parametrize("restarted", [counted(3), counted(100, started=2)])
def test_count_that_begins_anew_is_no_fall(board: Board, restarted: Point) -> None:
    board.put([counted(50)], 0.0)
    board.put([counted(60)], 1.0)
    board.put([restarted], 2.0)
    assert rates(board, 2.0) == [None]
    board.put([restarted._replace(value=restarted.value + 4)], 3.0)
    assert rates(board, 3.0) == [pytest.approx(4)]


def test_what_counts_since_the_last_time_is_added_up(board: Board) -> None:
    for second in range(4):
        board.put([timed([0, 2, 0, 0], started=second, delta=True)], float(second))
    [found] = report.report(board.series(3.0), 3.0)
    assert (found["series"][0]["count"], found["series"][0]["rate"]) == (8, pytest.approx(2))


def test_buckets_that_change_begin_anew(board: Board) -> None:
    board.put([timed([1, 0, 0, 0])], 0.0)
    board.put([timed([1, 0, 0, 0])._replace(bounds=(1.0,), buckets=(5, 0), times=5)], 1.0)
    board.put([timed([1, 0, 0, 0])._replace(bounds=(), buckets=(), times=9)], 2.0)
    [found] = report.report(board.series(2.0), 2.0)
    assert found["series"][0]["count"] == 9


def test_times_are_those_of_the_window_and_of_all_where_nothing_came_lately(board: Board) -> None:
    board.put([timed([0, 0, 0, 0])], 0.0)
    board.put([timed([0, 0, 100, 0])], 1.0)
    for second in range(2, 14):
        board.put([timed([10 * (second > 12), 0, 100, 0])], float(second))
    [lately] = report.report(board.series(13.0), 13.0)[0]["durations"]
    assert lately["p50"] == pytest.approx(0.05)
    for second in range(14, 30):
        board.put([timed([10, 0, 100, 0])], float(second))
    [earlier] = report.report(board.series(29.0), 29.0)[0]["durations"]
    assert (earlier["rate"], earlier["calls"]) == (0, 110)
    assert 0.2 < earlier["p50"] < earlier["p99"] < 0.4


def test_service_that_ended_is_forgotten_after_a_while(board: Board) -> None:
    board.put([counted(1)], 0.0)
    board.put([counted(1, instance="other")], GONE)
    assert [each["age"] for each in report.report(board.series(GONE), GONE)] == [GONE, 0]
    assert [each.last.key.instance for each in board.series(GONE + 1)] == ["other"]
    assert board.series(2 * GONE + 1) == []


def test_series_are_bounded_for_one_and_for_all_and_that_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST", 10)
    monkeypatch.setattr(boards, "MOST_OF_ONE", 4)
    said: list[str] = []
    board = Board(said.append)
    assert [board.put([counted(1, name=str(number))], 0.0) for number in range(6)] == [0] * 4 + [1] * 2
    assert board.put([counted(2, name="0")], 1.0) == 0, "those that are there go on"
    assert [board.put([counted(1, instance=str(number))], 1.0) for number in range(8)] == [0] * 6 + [1] * 2
    assert (len(board.series(1.0)), board.dropped) == (10, 4)
    [text] = said
    assert text == "metrics are dropped, such as '4' of 'web': there is room for 10 series, 4 of them of one instance"
    board.series(GONE + 2)
    assert board.put([counted(1)], GONE + 2) == 0, "there is room again"


def test_memory_of_a_series_is_bounded(board: Board) -> None:
    for second in range(10 * KEPT):
        board.put([counted(second)], second / 10)
    [series] = board.series(10 * KEPT / 10)
    assert len(series._samples) == KEPT


def test_numbers_beyond_all_bounds_are_told_as_unknown(board: Board) -> None:
    huge = Point(key("huge"), "counter", "", 1.5e308, started=1, delta=True)
    for second in range(3):
        board.put([huge], float(second))
    told = report.report(board.series(2.0), 2.0)
    assert told[0]["series"][0]["value"] is None
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("share", "buckets", "value"),
    [
        (0.5, (4, 0, 0, 0), 0.05),
        (1.0, (4, 0, 0, 0), 0.1),
        (0.5, (0, 4, 0, 0), 0.15),
        (0.5, (1, 1, 2, 0), 0.2),
        (0.75, (1, 1, 2, 0), 0.3),
        (0.99, (1, 0, 0, 9), 0.4),
        (0.5, (0, 0, 0, 0), None),
    ],
)
def test_share_of_a_histogram(share: float, buckets: tuple[int, ...], value: float | None) -> None:
    assert quantile(share, BOUNDS, buckets) == (None if value is None else pytest.approx(value))
    assert quantile(share, (), ()) is None


def test_window_holds_less_than_what_is_kept() -> None:
    assert KEPT > WINDOW, "with a sample a second"
