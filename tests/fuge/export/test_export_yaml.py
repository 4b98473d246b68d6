"""Text that every parser of YAML takes for the same values."""

from typing import Any

import pytest
from fuge_exports import values
from hypothesis import given
from hypothesis import strategies as some
from ruamel.yaml import YAML

from fuge.export.yaml import Anchored, Reference, text


@pytest.mark.parametrize(
    "word",
    [
        *(
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "null",
            "~",
            "true",
            "1",
            "1.5",
            "1e3",
            "0x1f",
            "1:30",
            "2026-11-28",
            ".inf",
            "",
        ),
        *(
            "a: b",
            "a:",
            "- a",
            "-",
            "a #b",
            "#a",
            "'a",
            '"a',
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
            "a]",
            "a,",
        ),
        *(
            "a\nb",
            "a\tb",
            "\\",
            "\x1b",
            "\x7f",
            "\x85",
            "\u2028",
            "\ufeff",
            "ä",
            "😀",
            " a",
            "a ",
            "=",
            "<<",
            "?",
            "|",
            ">",
        ),
    ],
)
def test_a_text_stays_itself(word: str) -> None:
    assert values(text({"key": word, "list": [word], "in": [{"a": word}], word: "a"}))[0] == {
        "key": word,
        "list": [word],
        "in": [{"a": word}],
        word: "a",
    }


SCALARS = some.one_of(some.text(), some.integers(), some.booleans())
VALUES = some.recursive(
    SCALARS, lambda inner: some.one_of(some.lists(inner, max_size=4), some.dictionaries(some.text(), inner, max_size=4))
)


@given(some.dictionaries(some.text(), VALUES, min_size=1, max_size=4))
def test_whatever_it_is_comes_back(content: dict[str, Any]) -> None:
    assert YAML(typ="safe", pure=True).load(text(content)) == content


def test_a_mapping_is_said_once_and_merged() -> None:
    said = text({"x-told": Anchored("told", {"A": "1"}), "one": {"<<": Reference("told"), "B": "2"}})
    assert said == 'x-told: &told\n  A: "1"\none:\n  <<: *told\n  B: "2"\n'
    assert values(said) == [{"x-told": {"A": "1"}, "one": {"A": "1", "B": "2"}}]


def test_short_lists_are_on_one_line_and_long_ones_are_not() -> None:
    said = text({"short": ["a", "b"], "long": ["word" * 20, "word" * 20], "of": [{"a": 1}, {"b": {"c": []}}]})
    assert (
        said == f"short: [a, b]\nlong:\n  - {'word' * 20}\n  - {'word' * 20}\nof:\n  - {{a: 1}}\n  - b:\n      c: []\n"
    )
