"""A fix made in one step reaches the later ones, and the notebooks that write the file."""

import subprocess
from pathlib import Path

import nbformat
import pytest

from workbook import course, forward
from workbook.course import Recipe
from workbook.errors import WorkbookError

TEXT = "first\nsecond\nthird\nfourth\nfifth\n"


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Three steps under git: 02 changed the last line of a.txt, 03 has the same text as 02."""
    recipes = [Recipe(number, "x", "X", "", {}, []) for number in ("01", "02", "03")]
    for module in (course, forward):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(forward, "recipes", lambda: tuple(recipes))
    for recipe, text in zip(recipes, [TEXT, TEXT.replace("fifth", "5th"), TEXT.replace("fifth", "5th")], strict=True):
        recipe.step.mkdir(parents=True)
        (recipe.step / "a.txt").write_text(text)
        recipe.notebook.parent.mkdir(exist_ok=True)
        sources = ["%%writefile micro/a.txt\nan early version", f"%%writefile micro/a.txt\n{text.rstrip()}", "1"]
        cells = [nbformat.v4.new_code_cell(source) for source in (sources if recipe.number < "03" else sources[2:])]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), recipe.notebook)
    git(tmp_path, "init")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-m", "start")
    return recipes


def test_fix_reaches_later_steps_and_notebooks(steps: list[Recipe]) -> None:
    first, second, third = steps
    (first.step / "a.txt").write_text(TEXT.replace("first", "FIRST"))
    said = list(forward.forward(first, "steps/01-x/a.txt"))
    shown = "and the later notebooks that show it"
    assert said == [
        f"rewritten notebooks/01-x.ipynb: now `workbook execute 01`, {shown}",
        "merged    steps/02-x/a.txt",
        f"rewritten notebooks/02-x.ipynb: now `workbook execute 02`, {shown}",
        "merged    steps/03-x/a.txt",
    ]
    for step in (second, third):
        assert (step.step / "a.txt").read_text() == "FIRST\nsecond\nthird\nfourth\n5th\n"
    early, final, _ = nbformat.read(second.notebook, as_version=4).cells
    assert early.source.endswith("an early version")
    assert final.source == "%%writefile micro/a.txt\nFIRST\nsecond\nthird\nfourth\n5th"


def test_conflict_stops_at_its_step_and_says_how_to_go_on(steps: list[Recipe]) -> None:
    first, second, third = steps
    (first.step / "a.txt").write_text(TEXT.replace("fifth", "V"))
    with pytest.raises(
        WorkbookError, match="steps/02-x/a.txt has changed in the same lines.*`workbook forward 02 a.txt`"
    ):
        list(forward.forward(first, "a.txt"))
    assert nbformat.read(first.notebook, as_version=4).cells[1].source.endswith("V")
    assert (third.step / "a.txt").read_text() == (second.step / "a.txt").read_text() == TEXT.replace("fifth", "5th")
    (second.step / "a.txt").write_text(TEXT.replace("fifth", "V, by hand"))
    assert "merged    steps/03-x/a.txt" in list(forward.forward(second, "a.txt"))
    assert (third.step / "a.txt").read_text() == TEXT.replace("fifth", "V, by hand")


def test_cell_that_appends_is_left_to_the_author(steps: list[Recipe]) -> None:
    first = steps[0]
    cells = [nbformat.v4.new_code_cell(f"%%writefile {flag}micro/a.txt\n1") for flag in ("", "-a ")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), first.notebook)
    (first.step / "a.txt").write_text(TEXT.replace("first", "FIRST"))
    assert next(forward.forward(first, "a.txt")).startswith("by hand   notebooks/01-x.ipynb: ")


def test_step_without_the_file_and_recipe_without_a_notebook_are_left_alone(steps: list[Recipe]) -> None:
    first, second, third = steps
    (second.step / "a.txt").unlink()
    third.notebook.unlink()
    (first.step / "a.txt").write_text(TEXT.replace("first", "FIRST"))
    assert [line.split(":")[0] for line in forward.forward(first, "a.txt")] == [
        "rewritten notebooks/01-x.ipynb",
        "merged    steps/03-x/a.txt",
    ]
    assert not (second.step / "a.txt").exists()
    assert not third.notebook.exists()


def test_fix_that_the_later_steps_and_notebooks_have_already_changes_nothing(steps: list[Recipe]) -> None:
    for step in steps:
        (step.step / "a.txt").write_text(TEXT.replace("fifth", "V"))
    rewritten = [line for line in forward.forward(steps[0], "a.txt") if line.startswith("rewritten")]
    assert len(rewritten) == 2
    assert list(forward.forward(steps[0], "a.txt")) == ["unchanged steps/02-x/a.txt", "unchanged steps/03-x/a.txt"]


def test_file_that_git_cannot_merge_is_explained(steps: list[Recipe]) -> None:
    first, second, _ = steps
    (second.step / "a.txt").write_bytes(b"\0\1")
    (first.step / "a.txt").write_text(TEXT.replace("first", "FIRST"))
    with pytest.raises(WorkbookError, match="git could not merge steps/02-x/a.txt: .*binary"):
        list(forward.forward(first, "a.txt"))
    assert (second.step / "a.txt").read_bytes() == b"\0\1"


def test_nothing_to_carry_is_explained(steps: list[Recipe]) -> None:
    with pytest.raises(WorkbookError, match="is as in HEAD: make the fix there first"):
        list(forward.forward(steps[0], "a.txt"))
    with pytest.raises(WorkbookError, match=r"there is no b\.txt in steps/01-x"):
        list(forward.forward(steps[0], "b.txt"))
    (steps[0].step / "b.txt").write_text("new")
    with pytest.raises(WorkbookError, match=r"git has no steps/01-x/b\.txt in HEAD"):
        list(forward.forward(steps[0], "b.txt"))
