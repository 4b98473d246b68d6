"""Each house rule for notebooks catches what it is there for."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbook import lint
from workbook.errors import WorkbookError


def code(source: str, outputs: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": outputs or [], "metadata": {}, **more}


def printed(text: str, name: str = "stdout") -> list[dict[str, Any]]:
    return [{"output_type": "stream", "name": name, "text": text}]


def notebook(tmp_path: Path, *cells: dict[str, Any], headings: list[str] | None = None) -> Path:
    text = "\n\n".join(f"## {name}" for name in headings or lint.SECTIONS)
    numbered = [
        {"execution_count": n} | cell for n, cell in enumerate([*cells, code('begin("01")'), code("stop_all()")], 1)
    ]
    path = tmp_path / "01-some.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": text}, *numbered]}))
    return path


def test_good_notebook_has_no_problems(tmp_path: Path) -> None:
    good = [
        code("%%writefile micro/a.py\nx = 5 % 2"),
        code("x = 5 % 2\nprint(x)", printed("1\n")),
        code("1", printed("mongo: has no volume for /data/db: it forgets\n")),
    ]
    path = notebook(tmp_path, *good, *[code("1")] * 8, code("# NBVAL_IGNORE_OUTPUT\n# shows the time\nnow()"))
    assert lint.problems(path) == []
    lint.require(path)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (code("1", execution_count=None), "was not run in order"),
        (code("1", execution_count=7), "was not run in order"),
        (code("1", printed("careful!", "stderr")), "stored stderr"),
        (code("1", [{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]), "stored an error"),
        (code("open('/home/me/x')"), "absolute path /home/me/x"),
        (code("1", printed("saved in /tmp/abc/x")), "absolute path /tmp/abc/x"),
        (code("1", printed(r"saved in C:\Users\me")), r"absolute path C:\Users\me"),
        (code("open('../steps/01-rest/run.py')"), "copies or names a snapshot"),
        (code("import shutil"), "copies or names a snapshot"),
        (code("%cd micro"), "uses %cd"),
        (code("x = 1\n!ls"), "uses !ls"),
        (code("%%bash\nls"), "uses %%bash"),
        (code("# NBVAL_IGNORE_OUTPUT\n1"), "without a reason"),
        (code("# NBVAL_IGNORE_OUTPUT: why\n1"), "without a reason"),
        (code("# PYTEST_VALIDATE_IGNORE_OUTPUT\n1"), "kept from the comparison"),
        (code("1", metadata={"tags": ["raises-exception"]}), "kept from the comparison"),
        (code("# NBVAL_SKIP\n1"), "kept from the comparison"),
        (code("1", metadata={"tags": ["nbval-ignore-output"]}), "kept from the comparison"),
    ],
)
def test_broken_rule_is_named(tmp_path: Path, cell: dict[str, Any], said: str) -> None:
    found = lint.problems(notebook(tmp_path, cell, *[code("1")] * 20))
    assert len(found) == 1, found
    assert found[0].startswith("01-some.ipynb, code cell 1: ")
    assert said in found[0]


def test_too_many_ignored_outputs_are_counted(tmp_path: Path) -> None:
    ignored = code("# NBVAL_IGNORE_OUTPUT\n# a reason\n1")
    assert "output of 2 of 5 cells" in lint.problems(notebook(tmp_path, ignored, ignored, code("1")))[0]


def test_last_cell_stops_everything(tmp_path: Path) -> None:
    path = notebook(tmp_path)
    path.write_text(path.read_text().replace("stop_all()", "print()"))
    assert "last code cell is not stop_all()" in lint.problems(path)[0]


@pytest.mark.parametrize("begins", ["begin('02')", "print('begins nothing')", 'begin("02")'])
def test_notebook_begins_its_own_recipe(tmp_path: Path, begins: str) -> None:
    path = notebook(tmp_path)
    path.write_text(path.read_text().replace(r"begin(\"01\")", json.dumps(begins)[1:-1]))
    assert 'expected begin("01") once' in lint.problems(path)[0]


def test_sections_stand_in_their_order(tmp_path: Path) -> None:
    path = notebook(tmp_path, headings=["How to do it", "Getting ready", "How it works"])
    with pytest.raises(WorkbookError, match="its sections are How to do it, Getting ready, How it works; expected"):
        lint.require(path)
