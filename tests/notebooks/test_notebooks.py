"""Every notebook: builds its step, shows what really comes out, leaves nothing running."""

import difflib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from helpers import each_chapter, each_chapter_and_engine, engine_needed, engines_for, left_running, wait_until

from workbook import cells, course, execute, lint, ports, snapshots, varying
from workbook.course import Chapter

NotebookRan = Callable[[str, int], None]
LIMIT = 400  # seconds for all cells of a notebook, on a busy machine


def nbval(notebook: Path, chapter: Chapter) -> subprocess.CompletedProcess[str]:
    """Run a notebook in its own folder, strictly: every output is compared with what is stored.

    Little is made equal before the comparison. The reader sees the usual ports, and a test runs on free ones, so that
    a system which runs on this machine does not disturb it; traces have another id, and other times, at each run.
    """
    free = ports.free_ports(chapter.ports)
    rules = [
        f"[{number}]\nregex: {pattern}\nreplace: {text}\n"
        for number, (pattern, text) in enumerate(varying.compared(chapter, free).items())
    ]
    sanitizer = notebook.with_name("varying.cfg")
    sanitizer.write_text("\n".join(rules), encoding="utf-8")
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={sanitizer}"]
    limit = f"--nbval-cell-timeout={execute.CELL_LIMIT}"
    alone = ["-c", os.devnull, f"--rootdir={notebook.parent}", "-p", "no:cacheprovider", "-W", "error"]
    environment = os.environ | execute.kernel_environment(free)
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, limit, *alone, notebook.name],
        cwd=notebook.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def with_engine(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the notebook starts uses this engine for its containers."""
    engine_needed(engine)
    if engine:
        monkeypatch.setenv("FUGE_ENGINE", engine)


@each_chapter_and_engine()
@pytest.mark.usefixtures("with_engine")
@pytest.mark.timeout(LIMIT)
def test_outputs_are_what_comes_out(chapter: Chapter, engine: str, tmp_path: Path, notebook_ran: NotebookRan) -> None:
    copy = Path(shutil.copy(chapter.notebook, tmp_path))
    done = nbval(copy, chapter)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    compared = int(re.findall(r"(\d+) passed", done.stdout)[-1])
    assert compared == len(list(cells.code_cells(cells.load(chapter.notebook))))
    notebook_ran(f"{chapter.slug} {engine}".strip(), compared)
    assert snapshots.differences(snapshots.read(chapter.step), snapshots.read(tmp_path / "micro")) == {}
    assert wait_until(lambda: not left_running()), f"left running: {left_running()}"


@pytest.mark.timeout(LIMIT)
@each_chapter(course.recipe("01"), course.recipe("02"), course.recipe("05"))  # that all outputs are true is seen above
def test_execute_gives_the_identical_file(chapter: Chapter, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_needed(engine := engines_for(chapter)[-1])
    monkeypatch.setenv("FUGE_ENGINE", engine)
    stored = chapter.notebook.read_text(encoding="utf-8")
    again = execute.executed(stored, chapter)
    difference = "\n".join(difflib.unified_diff(stored.splitlines(), again.splitlines(), "stored", "again", n=1))
    assert again == stored, f"`workbook execute {chapter.number}` would change the notebook:\n{difference[:4000]}"


@each_chapter()
def test_cells_build_the_step(chapter: Chapter) -> None:
    previous = course.before(chapter)
    start = snapshots.read(previous.step) if previous else {}
    built = cells.replay(cells.load(chapter.notebook), start)
    different = snapshots.differences(snapshots.read(chapter.step), built)
    assert not different, (
        f"the cells of {chapter.notebook.name} do not build steps/{chapter.slug}: {different}. Where the step is right,"
        f" run `workbook forward {chapter.number} FILE`; then `workbook execute {chapter.number}`"
    )


@each_chapter()
def test_house_rules_hold(chapter: Chapter) -> None:
    problems = lint.problems(chapter.notebook)
    assert not problems, "\n" + "\n".join(problems)


def test_an_edited_output_is_noticed(tmp_path: Path) -> None:
    """The comparison itself can fail: of three cells, the second has been edited, the third may differ."""
    cells = [
        nbformat.v4.new_code_cell(f"{comment}print(40 + 2)", execution_count=number, id=f"cell-{number}")
        for number, comment in enumerate(["", "", f"{lint.IGNORE}\n# to be ignored\n"], 1)
    ]
    for cell, text in zip(cells, ["42\n", "43\n", "44\n"], strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    notebook = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=execute.METADATA), notebook)
    done = nbval(notebook, course.recipe("01"))
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "Cell 1" in done.stdout
