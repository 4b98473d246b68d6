"""The installer: understood by an old Python, and clear about what is missing."""

import ast
import os
import runpy
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbook.course import ROOT

SCRIPT = ROOT / "requirements" / "install.py"
ROOM = "installations"  # of which one at a time can be under way


class FakeVersion(tuple):
    """A sys.version_info of another Python."""


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The script's functions, working on an empty folder."""
    names = runpy.run_path(str(SCRIPT), run_name="install")
    space = names["main"].__globals__
    monkeypatch.setitem(space, "VENV", tmp_path / ".venv")
    return SimpleNamespace(**{name: value for name, value in names.items() if callable(value)}, space=space)


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_an_old_python_can_read_the_script() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_old_python_without_a_newer_one_says_what_to_install(
    install: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "version_info", FakeVersion((3, 9, 2, "final", 0)))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        install.main(["run"])
    assert str(stopped.value).startswith("Python 3.11 or newer is needed, this is ")
    assert "apt install python3.11" in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_old_python_goes_on_with_a_newer_one(install: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "version_info", FakeVersion((3, 9, 2, "final", 0)))
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path / "python3.14", "exit 1")  # there, but broken
    program(tmp_path / "python3.12", f'echo "$@" >> {tmp_path}/called')
    with pytest.raises(SystemExit) as stopped:
        install.main(["test"])
    assert stopped.value.code == 0
    assert (tmp_path / "called").read_text().splitlines() == ["-c ", f"{SCRIPT} test"]


def test_missing_ensurepip_says_what_to_install_and_leaves_nothing(
    install: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = "The virtual environment was not created successfully because ensurepip is not available."
    python = program(tmp_path / "python", f'mkdir "$3"; echo "{said}"; exit 1')
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(SystemExit) as stopped:
        install.create_venv()
    assert "install python3-venv" in str(stopped.value)
    assert "\n" not in str(stopped.value)
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (
            "ERROR: Could not find a version that satisfies the requirement aiohttp==3.14.5 (from versions: none)\n"
            "ERROR: No matching distribution found for aiohttp==3.14.5\n",
            "there is no wheel of aiohttp for Python 3.",
        ),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: x", "could not be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n a\n b", "wrong hash"),
        ("something\n\nERROR: no space left on device\n", "ERROR: no space left on device"),
    ],
)
def test_failed_installation_is_one_line(install: Any, problem: str, said: str) -> None:
    line = install.explain(problem, ROOT / "requirements" / "run.txt")
    assert line.startswith(f"Could not install {Path('requirements', 'run.txt')}: ")
    assert said in line
    assert "\n" not in line


def test_wrong_word_is_answered_with_the_usage() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "everything"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "usage: python3 requirements/install.py compose|fuzz|lab|run|test\n"


def test_nothing_is_done_when_all_is_installed() -> None:
    command = [sys.executable, SCRIPT, "test"]
    subprocess.run(command, check=True, capture_output=True)
    again = subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PATH": ""})
    assert again.stdout == b""


def test_what_another_purpose_needs_is_installed_with_it(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setitem(install.space, "install", done.append)
    monkeypatch.setitem(install.space, "runs", lambda python: True)
    monkeypatch.setitem(install.space, "create_venv", lambda: install.space["VENV"].mkdir())
    for purpose in ("test", "run", "lab", "run"):
        install.main([purpose])
    assert done == ["test", "lab"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no lock that another program can wait for in this way")
def test_two_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """`make run` and `make test` in two terminals: the second found the first's .venv unfinished, and removed it."""
    for name in ("install.py", "boot.txt", "run.txt", "test.txt"):
        (tmp_path / "requirements").mkdir(exist_ok=True)
        shutil.copy(SCRIPT.parent / name, tmp_path / "requirements")
    (tmp_path / "pyproject.toml").touch()
    slow = (
        "import runpy, sys, time\nnames = runpy.run_path('requirements/install.py')\n"
        "space = names['main'].__globals__\n"
        "space.update(create_venv=lambda: print('begin', flush=True) or time.sleep(0.5),"
        " install=lambda purpose: print('end', flush=True), runs=lambda python: True)\n"
        "space['VENV'].mkdir(exist_ok=True); names['main'](sys.argv[1:])"
    )
    command = [sys.executable, "-c", slow, "run"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline().startswith("Installing")
        assert first.stdout.readline() == "begin\n"
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert first.stdout.read() == "end\n"
    assert first.returncode == 0
    assert second.stdout == "Waiting for another installation into .venv ...\n"  # and nothing left for it to do
