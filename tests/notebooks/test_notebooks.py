"""Every notebook: builds its step, shows what really comes out, leaves nothing running."""

import difflib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import each_recipe, left_running, wait_until

from workbook import cells, course, execute, lint, ports, snapshots
from workbook.course import Recipe

SANITIZER = Path(__file__).parent / "sanitize.cfg"
NotebookRan = Callable[[str, int], None]


def nbval(notebook: Path, recipe: Recipe) -> subprocess.CompletedProcess[str]:
    """Run a notebook in its own folder, strictly: every output is compared with what is stored."""
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITIZER}"]
    limit = f"--nbval-cell-timeout={execute.CELL_LIMIT}"
    alone = ["-c", os.devnull, f"--rootdir={notebook.parent}", "-p", "no:cacheprovider", "-W", "error"]
    environment = os.environ | execute.kernel_environment(ports.free_ports(recipe.ports))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, limit, *alone, notebook.name],
        cwd=notebook.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@each_recipe()
def test_outputs_are_what_comes_out(recipe: Recipe, tmp_path: Path, notebook_ran: NotebookRan) -> None:
    copy = Path(shutil.copy(recipe.notebook, tmp_path))
    done = nbval(copy, recipe)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    compared = int(re.findall(r"(\d+) passed", done.stdout)[-1])
    assert compared == len(list(cells.code_cells(cells.load(recipe.notebook))))
    notebook_ran(recipe.slug, compared)
    assert snapshots.differences(snapshots.read(recipe.step), snapshots.read(tmp_path / "micro")) == {}
    assert wait_until(lambda: not left_running()), f"left running: {left_running()}"


@each_recipe()
def test_execute_gives_the_identical_file(recipe: Recipe) -> None:
    stored = recipe.notebook.read_text(encoding="utf-8")
    again = execute.executed(stored, recipe)
    difference = "\n".join(difflib.unified_diff(stored.splitlines(), again.splitlines(), "stored", "again", n=1))
    assert again == stored, f"`workbook execute {recipe.number}` would change the notebook:\n{difference[:4000]}"


@each_recipe()
def test_cells_build_the_step(recipe: Recipe) -> None:
    previous = course.before(recipe)
    start = snapshots.read(previous.step) if previous else {}
    built = cells.replay(cells.load(recipe.notebook), start)
    different = snapshots.differences(snapshots.read(recipe.step), built)
    assert not different, (
        f"the cells of {recipe.notebook.name} do not build steps/{recipe.slug}: {different}. Where the step is right,"
        f" run `workbook forward {recipe.number} FILE`; then `workbook execute {recipe.number}`"
    )


@each_recipe()
def test_house_rules_hold(recipe: Recipe) -> None:
    assert lint.problems(recipe.notebook) == []


def test_each_sanitizer_rule_has_a_reason() -> None:
    assert lint.sanitizer_problems(SANITIZER) == []


@pytest.mark.parametrize("honest", [True, False])
def test_an_edited_output_is_noticed(honest: bool, tmp_path: Path) -> None:
    """The comparison itself can fail: the same small notebook, once as it ran and once with an output changed."""
    import nbformat

    cell = nbformat.v4.new_code_cell("print(40 + 2)", execution_count=1, id="sum")
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="42\n" if honest else "43\n")]
    notebook = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=execute.METADATA), notebook)
    done = nbval(notebook, course.recipe("01"))
    assert (done.returncode == 0) is honest, done.stdout
