"""What benchmarks/system.py says of calculations that got lost, or came twice."""

from collections import Counter
from types import ModuleType

import pytest
from helpers import load_benchmark


@pytest.fixture(scope="module")
def stored() -> ModuleType:
    return load_benchmark("system_peers/stored.py")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["a", "b"], {}),
        (["a"], {"missing": 1}),
        (["a", "b", "b", "b"], {"twice": 2}),
        (["a", "b", "c"], {"others": 1}),
        (["a", "a", "c"], {"missing": 1, "twice": 1, "others": 1}),
    ],
)
def test_system_benchmark_counts_each_exactly_once(stored: ModuleType, found: list[str], told: dict[str, int]) -> None:
    assert stored.differences(Counter(found), {"a", "b"}) == told


def test_system_benchmark_takes_the_backlog_from_when_the_load_ended(stored: ModuleType) -> None:
    seen = [
        stored.Counts(at=9.0, audit=50, events=50, queue=0),
        stored.Counts(at=10.1, audit=90, events=80, queue=5),
        stored.Counts(at=10.5, audit=100, events=100, queue=2),  # Redis still has what is stored already
        stored.Counts(at=10.75, audit=100, events=100, queue=0),
    ]
    assert stored.backlog(seen, stop=10.0, count=100) == (10, 20, 5, 0.75)


def test_system_benchmark_says_when_not_all_is_stored_in_the_end(stored: ModuleType) -> None:
    seen = [stored.Counts(at=10.0, audit=99, events=100, queue=0)]
    assert stored.backlog(seen, stop=10.0, count=100).seconds == float("inf")
