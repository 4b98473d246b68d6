"""Carries a fix that was made in one step into all later steps, and into the notebooks that write the file."""

import subprocess
import tempfile
from pathlib import Path

import nbformat

from workbook import cells
from workbook.course import ROOT, Recipe, recipes
from workbook.errors import WorkbookError


def forward(origin: Recipe, name: str, base: str = "HEAD") -> list[str]:
    """Merge what was done to `name` in the origin's step since the commit `base` into every later step.

    The merge is git's three-way merge: old version of the origin, its new one, the later step's own. Returns
    a line for each file and notebook; raises WorkbookError where git finds a conflict, and changes nothing.
    """
    fixed = origin.step / name
    if not fixed.is_file():
        raise WorkbookError(f"there is no {name} in steps/{origin.slug}")
    old = committed(fixed, base)
    if old == fixed.read_bytes():
        raise WorkbookError(f"steps/{origin.slug}/{name} is as in {base}: make the fix there first")
    later = [step for step in recipes()[recipes().index(origin) + 1 :] if (step.step / name).is_file()]
    merged = {step: merge(step.step / name, old, fixed.read_bytes()) for step in later}
    report = []
    for step, content in merged.items():
        path = step.step / name
        report.append(f"{'unchanged' if content == path.read_bytes() else 'merged':9} steps/{step.slug}/{name}")
        path.write_bytes(content)
    for step in [origin, *later]:
        if rewrite_cell(step, name):
            report.append(f"{'rewritten':9} notebooks/{step.notebook.name}: now `workbook execute {step.number}`")
    return report


def committed(path: Path, base: str) -> bytes:
    name = path.relative_to(ROOT).as_posix()
    shown = subprocess.run(["git", "show", f"{base}:{name}"], cwd=ROOT, capture_output=True, check=False)
    if shown.returncode:
        raise WorkbookError(f"git has no {name} in {base}: {shown.stderr.decode(errors='replace').strip()}")
    return shown.stdout


def merge(current: Path, old: bytes, new: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before"), Path(folder, "after")
        before.write_bytes(old)
        after.write_bytes(new)
        command = ["git", "merge-file", "-p", str(current), str(before), str(after)]
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode > 127:  # below that it is the number of conflicts
        raise WorkbookError(f"git could not merge {current.relative_to(ROOT)}: {done.stderr.decode().strip()}")
    if done.returncode:
        raise WorkbookError(
            f"{current.relative_to(ROOT)} has changed in the same lines: make the fix there by hand, from that"
            f" step on with `workbook forward`; nothing was written"
        )
    return done.stdout


def rewrite_cell(recipe: Recipe, name: str) -> bool:
    """Give the notebook's last %%writefile cell of a file the step's text. Says whether that changed anything."""
    notebook = nbformat.read(recipe.notebook, as_version=4)
    writers = [
        cell for cell in notebook.cells if cell.cell_type == "code" and cells.file_written(cell) == (name, False)
    ]
    if not writers:
        return False
    first_line = writers[-1].source.split("\n", 1)[0]
    text = f"{first_line}\n{(recipe.step / name).read_text(encoding='utf-8').removesuffix(chr(10))}"
    if writers[-1].source == text:
        return False
    writers[-1].source = text
    recipe.notebook.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8", newline="\n")
    return True
