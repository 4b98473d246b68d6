"""In which order endpoints are tried (RFC 2782)."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordant import Endpoint
from concordant.ordering import in_order

ROUNDS = 4000
records = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 5)), max_size=8)


def record(priority: int, weight: int, port: int) -> list[Endpoint]:
    return [Endpoint("10.0.0.1", port, priority, weight)]


def firsts(*weights: int) -> Counter[int | None]:
    """How often each record is the first, by its position; the same at each run."""
    random = Random(20)
    groups = [record(0, weight, port) for port, weight in enumerate(weights)]
    return Counter(in_order(groups, random)[0].port for _ in range(ROUNDS))


@given(records, st.integers())
def test_priorities_ascend_and_nothing_is_lost(found: list[tuple[int, int, int]], seed: int) -> None:
    ordered = in_order([record(*each) for each in found], Random(seed))
    assert [each.priority for each in ordered] == sorted(each.priority for each in ordered)
    assert sorted(each.port or 0 for each in ordered) == sorted({port for *_, port in found})


@given(records, st.integers())
def test_order_depends_on_chance_alone_not_on_the_servers(found: list[tuple[int, int, int]], seed: int) -> None:
    groups = [record(*each) for each in found]
    assert in_order(groups, Random(seed)) == in_order(groups[::-1], Random(seed))


def test_weights_are_shares_of_being_first() -> None:
    counted = firsts(10, 30, 60)
    assert [counted[port] / ROUNDS for port in range(3)] == pytest.approx([0.1, 0.3, 0.6], abs=0.03)


def test_equal_weights_share_equally_and_so_do_none() -> None:
    for weights in ((10, 10, 10, 10), (0, 0, 0, 0)):
        counted = firsts(*weights)
        assert [counted[port] / ROUNDS for port in range(4)] == pytest.approx([0.25] * 4, abs=0.03)


def test_no_weight_beside_a_weight_is_a_very_small_chance() -> None:
    assert 0 < firsts(0, 100)[0] < ROUNDS * 0.03


@pytest.mark.parametrize("weights", [(0, 1), (1, 0)])
def test_no_weight_beside_the_least_one_is_first_half_of_the_time(weights: tuple[int, int]) -> None:
    assert firsts(*weights)[weights.index(0)] / ROUNDS == pytest.approx(0.5, abs=0.03)


def test_the_second_is_drawn_by_weight_as_well() -> None:
    random = Random(3)
    groups = [record(0, weight, weight) for weight in (10, 30, 1000)]
    drawn = Counter(in_order(groups, random)[1].port for _ in range(ROUNDS))
    assert drawn[30] / ROUNDS == pytest.approx(0.75, abs=0.04)


def test_addresses_of_one_record_stay_together_ipv4_first() -> None:
    both = [Endpoint("::1", 1), Endpoint("10.0.0.2", 1), Endpoint("10.0.0.1", 1)]
    seen = set()
    for seed in range(20):
        ordered = [each.host for each in in_order([both, [Endpoint("10.0.0.9", 2)]], Random(seed))]
        start = 1 if ordered[0] == "10.0.0.9" else 0
        assert ordered[start + 2] == "::1"
        seen.add(tuple(ordered))
    assert len(seen) == 4


def test_order_of_records_that_differ_in_their_target_alone_depends_on_chance_too() -> None:
    groups = [[Endpoint(f"10.0.0.{number}", 1, target=f"{number}.test")] for number in range(4)]
    for seed in range(10):
        assert in_order(groups, Random(seed)) == in_order(groups[::-1], Random(seed))


def test_order_of_the_addresses_of_one_record_depends_on_chance_alone_too() -> None:
    group = [Endpoint(f"10.0.0.{number}", 1) for number in range(4)]
    for seed in range(10):
        assert in_order([group], Random(seed)) == in_order([group[::-1]], Random(seed))


def test_what_two_records_name_comes_once_as_the_better_of_them() -> None:
    assert in_order([record(2, 0, 1), record(1, 0, 1)], Random(1)) == [Endpoint("10.0.0.1", 1, 1)]


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (Endpoint("127.0.0.1", 80), "127.0.0.1:80"),
        (Endpoint("::1", 80), "[::1]:80"),
        (Endpoint("::1"), "[::1]"),
        (Endpoint("127.0.0.1"), "127.0.0.1"),
    ],
)
def test_endpoint_is_written_as_in_a_url(endpoint: Endpoint, text: str) -> None:
    assert str(endpoint) == text


def test_endpoint_has_no_port_and_may_not_be_kept_unless_it_says_so() -> None:
    found = Endpoint("10.0.0.1")
    assert (found.port, found.priority, found.weight, found.ttl, found.target) == (None, 0, 0, 0, "")


def test_endpoints_of_one_place_are_one_in_a_set() -> None:
    assert len({Endpoint("10.0.0.1", 80, target="a.test"), Endpoint("10.0.0.1", 80, target="b.test")}) == 1
