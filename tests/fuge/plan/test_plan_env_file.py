"""Files of NAME=VALUE lines, and which of several settings of a variable counts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fuge.plan import env_file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("A=b c", "b c"),
        ("  A = b  ", "b"),
        ("export A=b", "b"),
        ("export\tA=b", "b"),
        ("A=b=c", "b=c"),
        ("A=b # c", "b"),
        ("A= # c", ""),
        ("A=b#c", "b#c"),
        ("A=#fff", "#fff"),
        ("A='b # c'", "b # c"),
        ("A='b' # c", "b"),
        ("A=' b '", " b "),
        ("A=''", ""),
        ('A=""', ""),
        ("A='\\n'", "\\n"),
        ('A="a\\n\\t\\"\\\\$"', 'a\n\t"\\$'),
        ('A="it\'s"', "it's"),
        ("A=it's", "it's"),
        ("A=${HOME} $HOME", "${HOME} $HOME"),
        ("A=b\r", "b"),
        ("A=ä", "ä"),
    ],
)
def test_value_of_a_line(line: str, value: str) -> None:
    assert env_file.parse(f"{line}\nNEXT=1\n", Path("x.env")) == ({"A": value, "NEXT": "1"}, [])


def test_comments_and_blank_lines_are_skipped_and_the_last_of_a_name_counts() -> None:
    assert env_file.parse("# c\n\n  # c\r\n\t\nA=1\nA=2", Path("x.env")) == ({"A": "2"}, [])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("A", "expected NAME=VALUE, found 'A'"),
        ("=b", "expected NAME=VALUE, found '=b'"),
        ("1A=b", "expected NAME=VALUE, found '1A=b'"),
        ("A-B=c", "expected NAME=VALUE, found 'A-B=c'"),
        ("export A", "expected NAME=VALUE, found 'export A'"),
        ("A: b", "expected NAME=VALUE, found 'A: b'"),
        ("A='b", 'expected a closing quote at the end of the value, found "A=\'b"'),
        ('A="b\\"', "expected a closing quote at the end of the value, found 'A=\"b\\\\\"'"),
        ('A="b"c', "expected a closing quote at the end of the value, found 'A=\"b\"c'"),
        ("x" * 99, f"expected NAME=VALUE, found '{'x' * 57}...'"),
    ],
)
def test_broken_line_is_a_fault(line: str, fault: str) -> None:
    found, faults = env_file.parse(f"OK=1\n\n{line}\n", Path("/x/some.env"))
    assert found == {"OK": "1"}
    assert list(map(str, faults)) == [f"/x/some.env:3: {fault}"]


def test_later_settings_of_a_variable_win(load: Callable[..., Any], tmp_path: Path) -> None:
    """The global env_file, the global environment, the service's env_file, its environment."""
    (tmp_path / "a").mkdir()
    (tmp_path / "global.env").write_text("A=1\nB=1\nC=1\nD=1\n")
    (tmp_path / "a" / "one.env").write_text("C=3\nD=3\n")
    (tmp_path / "a" / "two.env").write_text("E=3\n")
    system = load(
        """
        fuge_global:
          env_file: global.env
          environment: [B=2, C=2, D=2]
        a:
          type: process
          path: a
          run: x
          env_file: [one.env, two.env]
          environment: {D: 4}
        b: {type: container, image: x}
        """
    )
    assert system.services["a"].environment == {"A": "1", "B": "2", "C": "3", "D": "4", "E": "3"}
    assert system.services["b"].environment == {"A": "1", "B": "2", "C": "2", "D": "2"}


def test_env_file_is_beside_the_fuge_yml_if_the_service_has_no_path(load: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("A=1\n")
    system = load("a: {type: process, run: x, env_file: x.env}\nb: {type: container, image: x, env_file: [x.env]}\n")
    assert [service.environment for service in system.services.values()] == [{"A": "1"}] * 2


def test_faults_of_env_files_are_in_the_one_error(faults: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "broken.env").write_bytes(b"A=1\n\nB\n")
    (tmp_path / "a" / "latin.env").write_bytes(b"A=\xe4\n")
    lines = faults(
        """
        a:
          type: process
          path: a
          run: x
          env_file:
            - none.env
            - broken.env
            - latin.env
            - .
        b: {type: process, path: a, run: x, env_file: broken.env}
        c: {type: process, run: x, env_file: none.env, tail: 1}
        """
    )
    assert lines == [
        "fuge.yml:7:7 a.env_file[0]: expected a file at a/none.env, found none",
        "fuge.yml:10:7 a.env_file[3]: expected a file at a, found a folder",
        "fuge.yml:12:38 c.env_file: expected a file at none.env, found none",
        "fuge.yml:12:54 c.tail: expected true or false, found 1",
        "a/broken.env:3: expected NAME=VALUE, found 'B'",
        "a/latin.env:1:3: expected UTF-8, found the byte 0xe4",
    ]


def test_env_file_in_a_folder_that_is_not_there_is_no_fault(load: Callable[..., Any], tmp_path: Path) -> None:
    service = load("a: {type: process, path: gone, run: x, env_file: x.env}\n").services["a"]
    assert service.problem == f"the folder {tmp_path}/gone does not exist"
