"""The text of a fuge.yml: what YAML it may be, and where each value stands."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fuge.errors import ConfigError
from fuge.plan import config, places
from fuge.plan.faults import Place

Faults = Callable[..., list[str]]


def read(tmp_path: Path, text: str) -> places.Document:
    (tmp_path / "fuge.yml").write_text(text)
    return places.read(tmp_path / "fuge.yml", {})


def test_places_of_keys_and_values_are_counted_from_1(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  run: x\n  ports:\n    - main=1\n    - http=2\n  args: [p, 'q']\nb: {c: {d: e}}\n")
    assert document.value == {
        "a": {"run": "x", "ports": ["main=1", "http=2"], "args": ["p", "q"]},
        "b": {"c": {"d": "e"}},
    }
    assert document.keys == {
        ("a",): Place(1, 1),
        ("a", "run"): Place(2, 3),
        ("a", "ports"): Place(3, 3),
        ("a", "args"): Place(6, 3),
        ("b",): Place(7, 1),
        ("b", "c"): Place(7, 5),
        ("b", "c", "d"): Place(7, 9),
    }
    assert document.values == {
        (): Place(1, 1),
        ("a",): Place(2, 3),
        ("a", "run"): Place(2, 8),
        ("a", "ports"): Place(4, 5),
        ("a", "ports", 0): Place(4, 7),
        ("a", "ports", 1): Place(5, 7),
        ("a", "args"): Place(6, 9),
        ("a", "args", 0): Place(6, 10),
        ("a", "args", 1): Place(6, 13),
        ("b",): Place(7, 4),
        ("b", "c"): Place(7, 8),
        ("b", "c", "d"): Place(7, 12),
    }


def test_place_of_a_value_that_is_not_there_is_its_keys(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n\n  b:\n  c: 1\nd:\n")
    assert document.value == {"a": {"b": None, "c": 1}, "d": None}
    assert document.place(("a", "b")) == Place(3, 3)
    assert document.place(("d",)) == Place(5, 1)
    assert document.place(("a", "c", "deeper", 3)) == Place(4, 6)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[(text, None) for text in ("null", "Null", "NULL", "~", "")],
        *[(text, text) for text in ("yes", "no", "on", "off", "y", "2026-01-01", "8080:80", "1_000", "0b1", "1.2.3")],
        *[("0", 0), ("8080", 8080), ("-7", -7), ("+7", 7), ("007", 7), ("0o17", 15), ("0x1F", 31)],
        *[("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), (".inf", math.inf), ("-.INF", -math.inf)],
        *[("'8080'", "8080"), ('"true"', "true"), ("''", ""), ("!!str 8080", "8080"), ('"\\u00e4"', "ä")],
        *[("|\n  x\n  y\n", "x\ny\n"), (">\n  x\n  y\n", "x y\n"), ("x y # comment", "x y"), ("x#y", "x#y")],
    ],
)
def test_scalars_have_the_types_of_yaml_1_2(tmp_path: Path, text: str, value: Any) -> None:
    found = read(tmp_path, f"a: {text}\n").value["a"]
    assert found == value
    assert type(found) is type(value)


def test_number_too_long_for_python_is_no_accident(tmp_path: Path) -> None:
    assert read(tmp_path, f"a: {'9' * 5000}\n").value["a"] == math.inf


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "base: &base\n  tail: false\n  group: g\nmore: &more {<<: *base, group: m, run: x}\n"
        "a:\n  <<: *more\n  tail: true\nb: {<<: [*base, *more]}\nc: *base\n",
    )
    assert document.faults == []
    assert document.value["a"] == {"tail": True, "group": "m", "run": "x"}
    assert document.value["b"] == {"tail": False, "group": "g", "run": "x"}
    assert document.value["c"] == {"tail": False, "group": "g"}
    assert document.place(("a", "tail")) == Place(7, 9)
    assert document.place(("a", "run")) == Place(4, 40)
    assert document.place(("c", "tail")) == Place(2, 9)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1: expected a mapping of services, found an empty file"),
        ("# nothing\n\n", "1:1: expected a mapping of services, found an empty file"),
        ("\n- a\n", "2:1: expected a mapping of services, found a list"),
        ("a:b\n", "1:1: expected a mapping of services, found 'a:b'"),
        ("{}\n", "1:1: expected at least one service, found none"),
        ("fuge_global: {}\n", "1:1: expected at least one service, found none"),
        (
            "a: b: c\n",
            "1:5: expected one `key: value` a line, indented as its neighbours (quote a text with a colon in it), "
            "found a colon",
        ),
        ("a: - x\n", "1:4: expected a list to begin on a line of its own, found a '-' after a key"),
        ("a:\n\tb: 1\n", "2:1: expected spaces, found a tab"),
        ("a: 1\nb: @x\n", "2:4: expected a value (a text that begins with '@' must be in quotes), found '@'"),
        ("a: `x`\n", "1:4: expected a value (a text that begins with '`' must be in quotes), found '`'"),
        ("a: 1\nb\nc: 2\n", "2:1: expected a colon after the key, found none"),
        ("a: 1\nb: *x\n", "2:4: expected an anchor &x before the alias *x, found none"),
        ("a: 'x\nb: 1\n", "1:4: expected the closing quote of the text that begins here, found none"),
        ('a: "\\q"\n', "1:6: expected an escape such as \\n or \\\\ (in single quotes \\ is just itself), found \\q"),
        ("a: [1, 2\n", "2:1: expected ',' or ']' for what begins in line 1, found the end of the file"),
        ("a: {b: 1\nc: 2}\n", "2:2: expected ',' or '}' for what begins in line 1, found ':'"),
        ("a:\n  b: 1\n c: 2\n", "3:2: expected the indentation of line 1, found another"),
        ("a: 'x' y\n", "1:8: expected the end of the line, found text after a value"),
        ("a: b\n- c\n", "2:1: expected the next key of the mapping that begins in line 1, found a list item"),
        ("- a\nb: 1\n", "2:1: expected the next item of the list that begins in line 1, found a key"),
        ("a: 1\n---\nb: 2\n", "2:1: expected one document, found another one"),
        ("a: !x!y z\n", "1:4: expected a value without a tag, found the tag !x!"),
        ("{a: 1}}\n", "1:7: expected the end of the file, found '}'"),
        ("a: ]\n", "1:4: expected a value, found ']'"),
        ("a: [x]]\n", "1:7: expected the end of a value, found ']'"),
        ("a: |x\n", "1:5: expected chomping or indentation indicators, found 'x'"),
        ("a: {\n", "2:1: expected a value, found the end of the file"),
        ("a: b\n? c\n? d: ? e\n", "3:6: expected YAML, found this: mapping keys are not allowed here"),
        (f"a: {'[' * 200}", "1:103: expected at most 100 levels of values in values, found more"),
        ("a: x\x01\n", "1:5: expected text, found U+0001"),
        (b"a:\n  b: x\xe4\n", "2:7: expected UTF-8, found the byte 0xe4"),
        (b"\xef\xbb\xbfa: \xe4\n", "1:4: expected UTF-8, found the byte 0xe4"),
        (b"\xff\xfea\x00", "1:1: expected UTF-8, found the byte 0xff"),
    ],
)
def test_text_that_is_no_mapping_is_one_fault(faults: Faults, text: str | bytes, fault: str) -> None:
    assert faults(text) == [f"fuge.yml:{fault}"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("tail: true\ntail: false", "6:3 a.tail: expected a key only once, found 'tail' again (first in line 5)"),
        ("group: !env X", "5:10 a.group: expected a value without a tag, found the tag !env"),
        ("group: !<env> X", "5:10 a.group: expected a value without a tag, found the tag !<env>"),
        ("args: !!set {x}", "5:9 a.args: expected a value without a tag, found the tag !!set"),
        ("? [x]\n: y", "5:5 a: expected a text as key, found another value"),
        (
            "args: &x [*x]",
            "5:9 a.args[0]: expected a value that does not hold itself, found an alias of what is around it",
        ),
        ("<<: x", "5:3 <<: expected a mapping to merge, found something else"),
        ("<<: &x {<<: *x}", "5:11 <<: expected a mapping to merge, found something else"),
    ],
)
def test_yaml_that_fuge_does_not_take_is_a_fault(service_faults: Faults, lines: str, fault: str) -> None:
    assert f"fuge.yml:{fault}" in service_faults(lines)


def test_repeated_service_is_a_fault_at_its_second_key(faults: Faults) -> None:
    assert faults("a: {type: process, run: x}\nb: {type: process, run: x}\na: {type: process, run: y}\n") == [
        "fuge.yml:3:1 a: expected a key only once, found 'a' again (first in line 1)"
    ]


def test_byte_order_mark_and_windows_line_ends_are_taken(load: Callable[..., Any]) -> None:
    assert load(b"\xef\xbb\xbfa:\r\n  type: process\r\n  run: x y\r\n").services["a"].run == "x y"


def test_missing_file_and_folder_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="^fuge.yml: expected a file, found none$"):
        config.load(Path("fuge.yml"))
    Path("fuge").mkdir()
    with pytest.raises(ConfigError, match="^fuge: expected a file, found a folder; write fuge/fuge.yml$"):
        config.load(Path("fuge"))


def test_file_that_cannot_be_read_is_explained() -> None:
    name = "x" * 300
    with pytest.raises(ConfigError, match=f"^{name}: expected a file that can be read, found File name too long$"):
        config.load(Path(name))


def test_file_outside_the_current_folder_is_named_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "fuge.yml").write_text("- a\n")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ConfigError, match=f"^{tmp_path}/fuge.yml:1:1: expected a mapping of services, found a list$"):
        config.load(Path("../fuge.yml"))
