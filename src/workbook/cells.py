"""Reads, without running it, which files the cells of a notebook leave in the reader's folder.

Cells change files in four ways only, so that this stays possible: `%%writefile [-a] micro/...`, and the helpers
edit("...", "old", "new"), remove("...") and rename("...", "...") of workbook.notebook, with literal words.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbook import micro
from workbook.errors import WorkbookError
from workbook.snapshots import Snapshot

Cell = dict[str, Any]
MICRO = f"{micro.NAME}/"


def load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise WorkbookError(f"there is no notebooks/{path.name} yet: write it first (CONTRIBUTING.md, Add a recipe)")
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def source(cell: Cell) -> str:
    return "".join(cell["source"])


def code_cells(notebook: dict[str, Any]) -> Iterator[Cell]:
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def file_written(cell: Cell) -> tuple[str, bool] | None:
    """The path in micro/ that a %%writefile cell writes, and whether it appends; None for other cells."""
    words = source(cell).split("\n", 1)[0].split()
    if not words or words[0] != "%%writefile":
        return None
    path = words[-1]
    if len(words) > 3 or (len(words) == 3 and words[1] != "-a") or not path.startswith(MICRO):
        raise WorkbookError(f"expected %%writefile [-a] micro/PATH, found {' '.join(words)}")
    return path.removeprefix(MICRO), len(words) == 3


def body(cell: Cell) -> bytes:
    """What IPython writes for a %%writefile cell: all lines but the first, each with its line end."""
    return (source(cell).partition("\n")[2] + "\n").encode()


def replay(notebook: dict[str, Any], start: Snapshot) -> Snapshot:
    """The reader's folder after all cells, given what was in it before."""
    files = dict(start)
    for cell in code_cells(notebook):
        written = file_written(cell)
        if written:
            name, appends = written
            files[name] = (files.get(name, b"") if appends else b"") + body(cell)
            continue
        for verb, (name, *words) in helper_calls(source(cell)):
            content = files.pop(name, None)
            if content is None:
                raise WorkbookError(f"{verb}({name!r}): no cell before has written that file")
            if verb == "rename":
                files[words[0]] = content
            if verb == "edit":
                files[name] = replaced(content.decode(), words[0], words[1], name).encode()
    return files


def is_changed(text: str, old: str, new: str) -> bool:
    """Whether an edit that puts `new` in the place of `old` has been made in the text."""
    return bool(new.strip()) and new in text and (old in new or old not in text)


def replaced(text: str, old: str, new: str, name: str) -> str:
    """The text with `new` in the one place where `old` stands. Raises WorkbookError if there is not just one."""
    count = text.count(old)
    if count != 1:
        raise WorkbookError(f"edit: expected the text once in {name}, found it {count} times: {old!r}")
    return text.replace(old, new)


def helper_calls(code: str) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(code)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        expected = {"remove": 1, "rename": 2, "edit": 3}.get(node.func.id)
        if expected is None:
            continue
        names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if len(names) != expected or len(node.args) != expected:
            raise WorkbookError(f"expected {node.func.id}() with {expected} literal text(s), found {ast.unparse(node)}")
        yield node.func.id, names
