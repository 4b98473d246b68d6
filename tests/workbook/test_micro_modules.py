"""What a notebook can do with the files and services of micro/ besides running them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mu import NoRoute
from workbook import course, node, notebook, ports, terminal
from workbook.course import Recipe
from workbook.errors import WorkbookError
from workbook.notebook import programs, reader
from workbook.system import System

PATTERNS = course.recipe("04")


@pytest.fixture
def micro(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "micro"
    (folder / "adder").mkdir(parents=True)
    (folder / "other").mkdir()
    monkeypatch.setattr(reader, "MICRO", folder)
    return folder


@pytest.fixture(autouse=True)
def imports_unchanged() -> Iterator[None]:
    path, writes = list(sys.path), sys.dont_write_bytecode
    yield
    assert sys.path == path
    assert sys.dont_write_bytecode == writes
    assert not {"service", "wiring"} & set(sys.modules)


def test_module_is_loaded_as_it_is_now(micro: Path) -> None:
    service = micro / "adder" / "service.py"
    for number in (1, 2):  # as long as each other, and within a second
        service.write_text(f"value = {number}\n")
        assert notebook.module("adder/service.py").value == number


def test_modules_of_two_folders_may_have_the_same_names(micro: Path) -> None:
    for name in ("adder", "other"):
        (micro / name / "service.py").write_text(f"name = {name!r}\n")
        (micro / name / "wiring.py").write_text("import service\n")
    assert notebook.module("adder/wiring.py").service.name == "adder"
    assert notebook.module("other/wiring.py").service.name == "other"
    assert sorted(path.name for path in micro.rglob("*")) == ["adder", "other", *["service.py"] * 2, *["wiring.py"] * 2]


def test_module_that_fails_leaves_nothing(micro: Path) -> None:
    (micro / "adder" / "wiring.py").write_text("import service\n1 / 0\n")
    (micro / "adder" / "service.py").write_text("")
    with pytest.raises(ZeroDivisionError):
        notebook.module("adder/wiring.py")


def test_kill_without_anybody_there_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_begun", [PATTERNS])
    monkeypatch.setattr(ports, "process", lambda port: None)
    with pytest.raises(WorkbookError, match="nobody listens on the port of adder_service"):
        notebook.kill("adder_service")
    with pytest.raises(WorkbookError, match="recipe 04 has no service 'x'; it has adder_service, webapp"):
        notebook.kill("x")


def test_node_that_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert notebook.node_modules() is False
    assert capsys.readouterr().out == "left out: there is no Node with npm on PATH (Debian: apt install nodejs npm)\n"


def test_npm_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho oops >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(node, "STORE", tmp_path / "store")
    with pytest.raises(WorkbookError, match="npm could not fetch Node's mu: oops"):
        node.modules()
    assert list((tmp_path / "store").iterdir()) == []


def test_npm_that_hangs_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm(tmp_path, "exec /bin/sleep 600", monkeypatch)
    with pytest.raises(WorkbookError, match="npm did not fetch Node's mu within 0.2 s"):
        node.modules(patience=0.2)
    assert list((tmp_path / "store").iterdir()) == []


def test_npm_is_asked_once(
    micro: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    npm(tmp_path, "/bin/mkdir -p node_modules/mu node_modules/mu-tcp node_modules/other", monkeypatch)
    assert notebook.node_modules() is True
    npm(tmp_path, "exit 1", monkeypatch)
    assert notebook.node_modules() is True
    assert capsys.readouterr().out == "micro/node_modules: mu, mu-tcp\n" * 2
    assert (micro / "node_modules" / "mu").is_dir()


def npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this Node, whose npm does what the script says, and a place of its own for what it fetches."""
    for name in ("node", "npm"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(node, "STORE", folder / "store")


@pytest.mark.step("04")
def test_system_dispatches_to_its_services(copy_of: Callable[[Recipe], Path]) -> None:
    with System(copy_of(PATTERNS), PATTERNS) as running:
        assert running.dispatch("adder_service", role="basic", cmd="add", first=19, second=23) == 42
        with pytest.raises(NoRoute):
            running.dispatch("adder_service", role="nothing")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 1\n", "return 2\n"),
        ("    return 1\n", "    print()\n    return 1\n"),
        ("    return 1\n", "    return 1\n    # the end\n"),
    ],
)
def test_cell_that_is_run_twice_edits_once(micro: Path, capsys: pytest.CaptureFixture[str], old: str, new: str) -> None:
    (micro / "a.py").write_text("def f():\n    return 1\n")
    notebook.edit("a.py", old, new)
    once = (micro / "a.py").read_text()
    capsys.readouterr()
    notebook.edit("a.py", old, new)
    assert (micro / "a.py").read_text() == once == "def f():\n    return 1\n".replace(old, new)
    assert capsys.readouterr().out == "micro/a.py has this change already\n"


def test_edit_back_is_an_edit(micro: Path) -> None:
    (micro / "a.py").write_text("import re\nimport time\n")
    notebook.edit("a.py", "import re\nimport time\n", "import re\n")
    assert (micro / "a.py").read_text() == "import re\n"


def test_files_are_removed_and_renamed(micro: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (micro / "a.py").write_text("a")
    (micro / "b.py").write_text("b")
    notebook.remove("a.py")
    notebook.rename("b.py", "new/c.py")
    assert not (micro / "a.py").exists()
    assert not (micro / "b.py").exists()
    assert (micro / "new" / "c.py").read_text() == "b"
    assert capsys.readouterr().out == "Removed micro/a.py\nRenamed micro/b.py to new/c.py\n"


def test_program_that_does_not_come_up_is_shown_with_what_it_said(micro: Path) -> None:
    (micro / "main.py").write_text("print('oops')")
    with pytest.raises(WorkbookError, match=r"ended without saying 'ready'\. It said:\noops\n$"):
        notebook.open_terminal("python main.py", "ready")
    assert not terminal.open_terminals


def test_program_that_runs_already_is_not_started_again(micro: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a service that finds its port taken by itself."""
    (micro / "main.py").write_text(
        "import os, time\nos.mkdir('taken')\nprint('up', flush=True)\ntime.sleep(600)  # else an error\n"
    )
    window = notebook.open_terminal("python main.py", "up")
    assert capsys.readouterr().out == "micro$ python main.py\nup\n"
    with pytest.raises(WorkbookError, match=r"FileExistsError(?s:.*)runs the same command already: stop_all\(\)"):
        notebook.open_terminal("python main.py", "up")
    window.press_ctrl_c()
    assert not terminal.open_terminals


def test_command_is_run_until_it_shows_what_is_waited_for(
    micro: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (micro / "main.py").write_text("open('runs', 'a').write('x')\nprint(open('runs').read())\nraise SystemExit(3)\n")
    notebook.run("python main.py", until="xx")
    assert capsys.readouterr().out == "micro$ python main.py\nxx\n(exit code 3)\n"
    monkeypatch.setattr(programs, "PATIENCE", 0)
    with pytest.raises(WorkbookError, match=r"`python main\.py` has not shown 'ready' within 0 s, but:\nxxx\n$"):
        notebook.run("python main.py", until="ready")


def test_cell_before_the_first_one_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_begun", [])
    with pytest.raises(WorkbookError, match=r"run the cell with begin\(\.\.\.\) first"):
        notebook.port("webapp")
