"""Which pattern a message goes by."""

import re
from typing import Any

import pytest

from mu.patterns import Table, shown


def table(*patterns: Any) -> Table[int]:
    made: Table[int] = Table()
    for number, pattern in enumerate(patterns):
        made.add(pattern, number)
    return made


def found(made: Table[int], message: dict[str, Any]) -> int | None:
    entry = made.find(message)
    return None if entry is None else entry.target


def test_literals_must_all_be_there() -> None:
    made = table({"role": "basic", "cmd": "add"})
    assert found(made, {"role": "basic", "cmd": "add", "first": 1}) == 0
    assert found(made, {"role": "basic"}) is None
    assert found(made, {"role": "basic", "cmd": "sub"}) is None
    assert found(made, {}) is None


def test_more_literals_win_in_any_order_of_definition() -> None:
    message = {"role": "basic", "cmd": "add"}
    assert found(table({"role": "basic"}, {"role": "basic", "cmd": "add"}), message) == 1
    assert found(table({"role": "basic", "cmd": "add"}, {"role": "basic"}), message) == 0


def test_more_literals_win_where_node_errs() -> None:
    made = table(
        {"role": "x"}, {"role": "x", "k1": 1, "k2": 1, "k3": 1}, {"cmd": "y", "foo": "z"}, {"cmd": "y", "role": "x"}
    )
    assert found(made, {"role": "x", "cmd": "y"}) == 3


def test_ties_go_to_the_last_defined() -> None:
    assert found(table({"a": 1}, {"a": 1}), {"a": 1}) == 1
    assert found(table({"a": 1}, {"b": 1}), {"a": 1, "b": 1}) == 1
    assert found(table({"b": 1}, {"a": 1}), {"a": 1, "b": 1}) == 1
    assert found(table({"a": 1}, {"b": 1}, {"a": 1}), {"a": 1, "b": 1}) == 2


def test_more_keys_that_must_be_there_win_and_the_last_resort_loses_in_any_order_of_definition() -> None:
    message = {"a": 1, "b": 1}
    patterns: list[Any] = [{"a": "*", "b": "*"}, {"a": "*"}, {}, "*"]
    while patterns:
        assert found(table(*patterns), message) == 0
        assert found(table(*reversed(patterns)), message) == len(patterns) - 1
        patterns.pop(0)


def test_a_literal_beats_an_expression_and_that_beats_any() -> None:
    message = {"cmd": "add"}
    patterns: list[Any] = [{"cmd": "add"}, {"cmd": re.compile("^a")}, {"cmd": "*"}, {}, "*"]
    while patterns:
        assert found(table(*reversed(patterns)), message) == len(patterns) - 1
        patterns.pop(0)


def test_any_needs_the_key() -> None:
    made = table({"role": "basic", "cmd": "*"})
    assert found(made, {"role": "basic", "cmd": "whatever"}) == 0
    assert found(made, {"role": "basic", "cmd": [1]}) == 0
    assert found(made, {"role": "basic", "cmd": 0}) == 0
    assert found(made, {"role": "basic"}) is None
    assert found(made, {"role": "basic", "cmd": None}) is None


def test_expressions_are_searched_and_see_numbers_as_text() -> None:
    made = table({"cmd": re.compile("dd$")}, {"port": re.compile(r"^80\d\d$")}, {"on": re.compile("^true$")})
    assert found(made, {"cmd": "add"}) == 0
    assert found(made, {"cmd": "adder"}) is None
    assert found(made, {"cmd": "ADD"}) is None
    assert found(table({"cmd": re.compile("^Add$")}), {"cmd": "Add"}) == 0
    assert found(made, {"port": 8081}) == 1
    assert found(made, {"on": True}) == 2


def test_expressions_fit_neither_lists_nor_objects() -> None:
    made = table({"cmd": re.compile("add")})
    assert found(made, {"cmd": "add"}) == 0
    assert found(made, {"cmd": ["add"]}) is None
    assert found(made, {"cmd": {"add": 1}}) is None


@pytest.mark.parametrize(
    ("literal", "value", "fits"),
    [
        ("1", 1, False),
        (1, "1", False),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (True, 1, False),
        (False, 0, False),
        (False, False, True),
        ("", "", True),
        ("add", "add\0", False),
        ("Add", "add", False),
        ("constructor", "constructor", True),
    ],
)
def test_literals_are_compared_strictly(literal: Any, value: Any, fits: bool) -> None:
    assert found(table({"key": literal}), {"key": value}) == (0 if fits else None)


def test_true_and_one_live_side_by_side() -> None:
    made = table({"a": 1}, {"a": True})
    assert found(made, {"a": 1}) == 0
    assert found(made, {"a": True}) == 1


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, {1}])
def test_a_message_may_hold_anything(value: Any) -> None:
    made = table({"role": "basic"}, {"data": "x"}, "*")
    assert found(made, {"data": value}) == 2
    assert found(made, {"role": "basic", "data": value}) == 0
    assert found(table({"data": "x"}, "*"), {"data": value}) == 1


def test_names_of_the_protocol_are_ordinary_keys() -> None:
    made = table({"pattern": "p", "response": "r"})
    assert found(made, {"pattern": "p", "response": "r"}) == 0


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("add", r"expected a pattern such as .*found 'add'"),
        (None, r"expected a pattern .*found None"),
        ({"a": None}, r"at 'a' of a pattern; found None"),
        ({"a": [1]}, r"found \[1\]"),
        ({"a": float("nan")}, "found nan"),
        ({1: "a"}, "expected text as key of a pattern, found 1"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        table(pattern)


def test_patterns_are_shown_in_short() -> None:
    assert shown({"role": "basic", "cmd": "*", "n": re.compile("^1")}) == "role: basic, cmd: *, n: /^1/"
    assert shown("*") == "*"
    assert shown({}) == "{}"


def test_table_lists_its_entries_in_the_order_of_definition() -> None:
    patterns = [{"b": 1}, "*", {"a": "*", "c": 1}, {"a": 1}]
    assert [(entry.pattern, entry.target) for entry in table(*patterns)] == list(zip(patterns, range(4), strict=True))
