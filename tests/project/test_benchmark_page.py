"""The page of benchmarks: its goals are those that were told, the worst first."""

from types import ModuleType

import pytest
from helpers import load_benchmark

from workbook.course import ROOT


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return load_benchmark("page.py")


@pytest.mark.parametrize(
    ("found", "bound", "verdict"),
    [
        (2.0, {"at_least": 1.5}, "found 2, at least 1.5: met"),
        (0.75, {"at_least": 1.5}, "found 0.75, at least 1.5: missed by 50%"),
        (60.0, {"at_most": 40}, "found 60, at most 40: missed by 50%"),
        (40.0, {"at_most": 40}, "found 40, at most 40: met"),
    ],
)
def test_goal_is_told_with_what_is_missing(
    page: ModuleType, capsys: pytest.CaptureFixture[str], found: float, bound: dict[str, float], verdict: str
) -> None:
    page.goals.tell("mu x moleculer, 1 in flight", found, **bound)
    said = capsys.readouterr().out
    assert said == f"goal: mu x moleculer, 1 in flight: {verdict}\n"
    (told,) = page.goals.told(f"a table\n{said}and more\n")
    assert (told.what, told.verdict) == ("mu x moleculer, 1 in flight", verdict.rpartition(": ")[2])


def test_goal_without_a_figure_is_not_told(page: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    page.goals.tell("ours x a peer that is not to be had", None, at_least=1)
    assert capsys.readouterr().out == ""


def test_page_begins_with_the_goal_that_is_missed_most(page: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    page.goals.tell("good", 3, at_least=1)
    page.goals.tell("bad", 200, at_most=100)
    page.goals.tell("worst", 0.1, at_least=1)
    benchmark = page.BENCHMARKS[0]
    made = page.page([page.Run(benchmark, "python benchmarks/x.py", capsys.readouterr().out, False)], False, 0.0)
    assert [line.split(" | ")[0].strip("| ") for line in made.splitlines() if "](#" in line] == ["worst", "bad", "good"]
    assert f"## {benchmark.title}" in made
    assert f"](#{page.anchor(benchmark)})" in made


def test_page_says_which_benchmark_failed(page: ModuleType) -> None:
    runs = [page.Run(page.BENCHMARKS[1], "python benchmarks/x.py", "a problem", True)]
    assert "**It failed.**" in page.page(runs, False, 0.0)


def test_every_benchmark_of_the_page_is_there_and_says_how_it_measures(page: ModuleType) -> None:
    for benchmark in page.BENCHMARKS:
        _, method, *_ = page.section(page.Run(benchmark, "", "", False))[1:]
        assert len(method) > 80
