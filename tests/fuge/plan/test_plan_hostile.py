"""What a fuge.yml may hold so that reading it never ends, or ends otherwise than with a fault and its place."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fuge.engine.order import with_dependencies
from fuge.plan.places import MOST_VALUES
from fuge.plan.system import System

SERVICE = "a: {type: process, run: x"
Faults = Callable[..., list[str]]
Load = Callable[..., System]


# Few lines that stand for many ------------------------------------------------------------------------------------


def doubling(levels: int, kind: str) -> str:
    """Each line is ten times the one before."""
    lists = {"list": "[{0}]", "mapping": "{{{1}}}", "merge": "{{<<: [{0}]}}"}[kind]
    lines = ["x0: &x0 {k: v}"]
    for level in range(1, levels + 1):
        names = [f"*x{level - 1}"] * 10
        pairs = ", ".join(f"k{number}: {name}" for number, name in enumerate(names))
        lines.append(f"x{level}: &x{level} " + lists.format(", ".join(names), pairs))
    return "\n".join(lines)


@pytest.mark.parametrize("kind", ["list", "mapping", "merge"])
def test_aliases_of_aliases_are_bounded(faults: Faults, kind: str) -> None:
    began = time.monotonic()
    [fault] = faults(doubling(30, kind))
    assert f"expected at most {MOST_VALUES:,} values, found more; use fewer aliases" in fault
    assert time.monotonic() - began < 20  # it would be the age of the universe


def test_aliases_do_not_make_values_deeper_than_allowed(faults: Faults) -> None:
    lines = ["x0: &x0 " + "[" * 90 + "]" * 90]
    lines += [f"x{number}: &x{number} " + "[" * 90 + f"*x{number - 1}" + "]" * 90 for number in range(1, 20)]
    [fault] = faults("\n".join(lines))
    assert fault.endswith("expected at most 100 levels of values in values, found more; use fewer aliases")


def test_aliases_that_repeat_something_a_few_times_are_fine(load: Load) -> None:
    services = "\n".join(f"s{number}: {{<<: *base}}" for number in range(200))
    assert len(load(f"base: &base {{type: process, run: x}}\n{services}").services) == 201


# What no program can be given -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('path: "a\\0b"', "a.path"),
        ('run: "x \\0"', "a.run"),
        ('env_file: ["a\\0b"]', "a.env_file[0]"),
        ('environment: {A: "1\\0"}', "a.environment.A"),
        ('environment: ["A=\\0"]', "a.environment[0]"),
    ],
)
def test_text_with_nul_is_a_fault(faults: Faults, line: str, key: str) -> None:
    found = faults(f"{SERVICE if 'run' not in line else 'a: {type: process'}, {line}}}")
    assert any(f" {key}: expected text that a program can be given, found U+0000 in it" in fault for fault in found)


def test_text_with_half_a_character_is_a_fault(faults: Faults) -> None:
    [fault] = faults(f'{SERVICE}, environment: {{A: "x\\ud800"}}}}')
    assert fault.endswith("a.environment.A: expected text that a program can be given, found U+D800 in it")
    fault.encode()


def test_env_file_with_nul_is_a_fault(load: Load, faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "x.env").write_bytes(b"A=1\nB=\0\n")
    [fault] = faults(f"{SERVICE}, env_file: x.env}}")
    assert fault.startswith("x.env:2: expected a value without U+0000, found 'B=")


# What is shown to people ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["\\e[2J", "\\n", "\\u2028", "\\r", "\\x9b2J"])
def test_fault_cannot_steer_a_terminal_or_look_like_two(faults: Faults, word: str) -> None:
    for text in (f'{SERVICE}, "{word}": 1}}', f'{SERVICE}, environment: {{"{word}": 1}}}}', f'"{word}": {{type: x}}'):
        for fault in faults(text):
            assert fault.isprintable()
            assert fault.startswith("fuge.yml:")


def test_tag_with_a_line_break_is_one_fault(faults: Faults) -> None:
    [fault] = faults(f"{SERVICE}, tail: !a%0Ab true}}")
    assert fault.endswith("expected a value without a tag, found the tag !a\\nb")


# Values at which libraries fail -----------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ["x{99999999999999999999}", "(" * 5000])
def test_expression_that_python_cannot_take_is_a_fault(faults: Faults, expression: str) -> None:
    [fault] = faults(f"{SERVICE}, readiness: {{log: '{expression}'}}}}")
    assert "a.readiness.log: expected a regular expression (" in fault


@pytest.mark.parametrize("host", ["a..b", ".a", "a" * 64, "ü" * 64])
@pytest.mark.parametrize("port", ["main=8080", "main=auto"])
def test_host_that_cannot_be_looked_up_is_a_fault(faults: Faults, host: str, port: str) -> None:
    [fault] = faults(f"{SERVICE}, host: '{host}', ports: ['{port}']}}")
    assert "a.host: expected a host name or an address, found " in fault


# Many services ----------------------------------------------------------------------------------------------------


def test_services_that_need_each_other_in_a_long_row_are_fine(load: Load) -> None:
    lines = [f"s{number}: {{type: process, run: x, depends_on: [s{number - 1}]}}" for number in range(1, 2000)]
    assert len(load("s0: {type: process, run: x}\n" + "\n".join(lines)).services) == 2000


def test_services_that_need_each_other_crosswise_are_ordered_at_once(load: Load) -> None:
    """Two in each of 30 rows, each of which needs both of the row before: there are 2^30 ways through it."""
    lines = ["l0: {type: process, run: x}", "r0: {type: process, run: x}"]
    for row in range(1, 30):
        needs = f"{{type: process, run: x, depends_on: [l{row - 1}, r{row - 1}]}}"
        lines += [f"l{row}: {needs}", f"r{row}: {needs}"]
    system = load("\n".join(lines))
    ordered = [each.name for each in with_dependencies(system, [system.services["l29"]])]
    assert len(ordered) == 59
    assert all(ordered.index(f"l{row - 1}") < ordered.index(f"l{row}") for row in range(1, 30))


# What the parser of YAML does not foresee -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("%YAML 1.3\n---\na: 1", "1:1: expected YAML 1.1 or 1.2, found what its parser fails at: version minor part"),
        ("---\r%YAML 2.1\na: 1", "1:1: expected YAML 1.1 or 1.2, found what its parser fails at: (2, 1)"),
        ("%YAML 2.1\n---\na: 1", "1:1: expected YAML, found this: found incompatible YAML document"),
        ("a:\n  run: >-\n  \n    - b\n", "4:5: expected the first line of a text to be indented as those after it"),
    ],
)
def test_yaml_that_its_parser_does_not_foresee_is_a_fault(faults: Faults, text: str, fault: str) -> None:
    assert faults(text.encode())[0].startswith(f"fuge.yml:{fault}")  # as bytes, since blank lines stay as they are


def test_name_that_is_too_long_for_a_folder_is_a_problem_of_its_service(load: Load) -> None:
    service = load(f"a: {{type: process, run: x, path: {'x' * 300}}}").services["a"]
    assert service.problem.endswith("x does not exist")


def test_name_that_is_too_long_for_a_file_is_a_fault(faults: Faults) -> None:
    [fault] = faults(f"a: {{type: process, run: x, env_file: {'x' * 300}}}")
    assert fault.endswith("found none")
