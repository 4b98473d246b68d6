"""Carries a fix that was made in one step into all later steps, and into the notebooks that write the file."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from workbook import cells
from workbook.course import ROOT, Recipe, recipes
from workbook.errors import WorkbookError


def forward(origin: Recipe, name: str, base: str = "HEAD") -> Iterator[str]:
    """Merge what was done to `name` in the origin's step since the commit `base` into every later step.

    The merge is git's three-way merge: old version of the origin, its new one, the later step's own. Yields a
    line for each file and notebook. Raises WorkbookError at the first step with a conflict, and leaves that one
    and the later ones as they were.
    """
    name = name.removeprefix(f"steps/{origin.slug}/")
    fixed = origin.step / name
    if not fixed.is_file():
        raise WorkbookError(f"there is no {name} in steps/{origin.slug}")
    old = committed(fixed, base)
    if old == fixed.read_bytes():
        raise WorkbookError(
            f"steps/{origin.slug}/{name} is as in {base}: make the fix there first,"
            " or, if it is committed already, add --base with the commit before it"
        )
    yield from rewrite_cell(origin, name)
    for step in recipes()[recipes().index(origin) + 1 :]:
        path = step.step / name
        if path.is_file():
            content = merge(path, old, fixed.read_bytes(), step)
            yield f"{'unchanged' if content == path.read_bytes() else 'merged':9} steps/{step.slug}/{name}"
            path.write_bytes(content)
            yield from rewrite_cell(step, name)


def committed(path: Path, base: str) -> bytes:
    name = path.relative_to(ROOT).as_posix()
    shown = subprocess.run(["git", "show", f"{base}:{name}"], cwd=ROOT, capture_output=True, check=False)
    if shown.returncode:
        raise WorkbookError(f"git has no {name} in {base}: {shown.stderr.decode(errors='replace').strip()}")
    return shown.stdout


def merge(current: Path, old: bytes, new: bytes, step: Recipe) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before"), Path(folder, "after")
        before.write_bytes(old)
        after.write_bytes(new)
        command = ["git", "merge-file", "-p", str(current), str(before), str(after)]
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode > 127:  # below that it is the number of conflicts
        raise WorkbookError(f"git could not merge {current.relative_to(ROOT)}: {done.stderr.decode().strip()}")
    if done.returncode:
        name = current.relative_to(step.step).as_posix()
        raise WorkbookError(
            f"steps/{step.slug}/{name} has changed in the same lines, so git cannot merge: make the fix there by"
            f" hand, then run `workbook forward {step.number} {name}` for that step's notebook and the later steps"
        )
    return done.stdout


def rewrite_cell(recipe: Recipe, name: str) -> Iterator[str]:
    """Give the notebook's last %%writefile cell of a file the step's text. Yields a line if that changed anything."""
    if not recipe.notebook.is_file():
        return
    notebook = nbformat.read(recipe.notebook, as_version=4)
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    writers = [cell for cell in code if (cells.file_written(cell) or ("", False))[0] == name]
    if not writers:
        return
    where = f"notebooks/{recipe.notebook.name}"
    first_line = writers[-1].source.split("\n", 1)[0]
    if " -a " in first_line:
        yield f"{'by hand':9} {where}: its last cell for {name} appends, so it cannot be rewritten"
        return
    text = f"{first_line}\n{(recipe.step / name).read_text(encoding='utf-8').removesuffix(chr(10))}"
    if writers[-1].source != text:
        writers[-1].source = text
        recipe.notebook.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8", newline="\n")
        yield f"{'rewritten':9} {where}: now `workbook execute {recipe.number}`, and the later notebooks that show it"
