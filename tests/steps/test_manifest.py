"""The steps are copies of each other except where the manifest says, and why."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers import each_recipe

from workbook import course, drift
from workbook.course import ROOT, Recipe
from workbook.errors import WorkbookError


@each_recipe()
def test_step_differs_only_as_declared(recipe: Recipe) -> None:
    problems = drift.problems(recipe, course.before(recipe))
    assert not problems, "\n" + "\n".join(problems)


@each_recipe()
def test_step_is_complete(recipe: Recipe) -> None:
    assert (recipe.step / "run.py").is_file(), f"write steps/{recipe.slug}/run.py: it starts the system"
    assert recipe.notebook.is_file(), f"write notebooks/{recipe.slug}.ipynb"
    own_tests = list((ROOT / "tests" / "steps").glob(f"test_{recipe.number}_*.py"))
    assert own_tests, f"write tests/steps/test_{recipe.number}_{recipe.name}.py: what is new in this step"


def test_every_folder_of_steps_is_in_the_manifest() -> None:
    folders = {path.name for path in (ROOT / "steps").iterdir() if path.is_dir()}
    assert folders == {recipe.slug for recipe in course.recipes()}


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recipe, Recipe, Path]:
    """Two small steps in a repository of their own, where the second adds b.py and changes run.py."""
    monkeypatch.setattr(course, "ROOT", tmp_path)
    old = Recipe("01", "old", "Old", "", {}, [], {"run.py": "starts it"})
    new = Recipe("02", "new", "New", "", {}, [], {"b.py": "more"}, {"run.py": "starts b"})
    for name, text in {"01-old/run.py": "1\n", "02-new/run.py": "2\n", "02-new/b.py": "import os\n"}.items():
        path = tmp_path / "steps" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return old, new, tmp_path / "steps"


def test_declared_differences_are_no_problem(pair: tuple[Recipe, Recipe, Path]) -> None:
    old, new, _ = pair
    assert drift.problems(old, None) == []
    assert drift.problems(new, old) == []


def test_undeclared_change_says_what_to_do(pair: tuple[Recipe, Recipe, Path]) -> None:
    old, new, _ = pair
    (problem,) = drift.problems(replace(new, changed={}), old)
    assert problem.startswith("steps/02-new/run.py is changed, but steps/manifest.toml does not say so")
    assert '"run.py" = "the reason" to [step.changed] of step 02' in problem
    assert "workbook forward 01 run.py" in problem
    assert problem.endswith("; else take it back")


def test_undeclared_new_and_missing_files_are_found(pair: tuple[Recipe, Recipe, Path]) -> None:
    old, new, steps = pair
    (steps / "02-new" / "run.py").unlink()
    found = drift.problems(replace(new, added={}, changed={}), old)
    assert [problem.split(",")[0] for problem in found] == [
        "steps/02-new/b.py is added",
        "steps/02-new/run.py is removed",
    ]


@pytest.mark.parametrize("table", ["added", "changed", "removed"])
def test_declared_difference_that_is_none_is_found(pair: tuple[Recipe, Recipe, Path], table: str) -> None:
    old, new, _ = pair
    named = replace(new, **{table: getattr(new, table) | {"nothing.py": "why"}})
    assert drift.problems(named, old) == [
        f"steps/manifest.toml says that step 02 has {table} nothing.py, but it has not: take the line out"
    ]


def test_reason_is_one_line(pair: tuple[Recipe, Recipe, Path]) -> None:
    old, new, _ = pair
    assert "no one-line reason for b.py" in drift.problems(replace(new, added={"b.py": " "}), old)[0]


def test_imports_are_as_declared(pair: tuple[Recipe, Recipe, Path]) -> None:
    old, new, steps = pair
    (steps / "02-new" / "b.py").write_text("import os, aiohttp.web\nfrom run import x\nfrom . import y\n")
    found = drift.problems(replace(new, imports=["redis"]), old)
    assert found[0].startswith("aiohttp is imported by steps/02-new but is not in imports")
    assert found[1].startswith("redis is in imports")
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a list of"),
        ("[[step]\n", "expected a list of"),
        ('[[step]]\nnumber = "01"\ncolour = "red"\n', "step 01: unknown colour; expected added, changed"),
        ('[[step]]\nnumber = "01"\n', "step 01: imports, name, ports, teaches, title missing"),
        ('step = []\n[[reading]]\nnumber = "02"\nports = {}\n', "reading 02: unknown ports; expected name, number"),
        ('step = []\n[[reading]]\nnumber = "02"\n', "reading 02: name, system, teaches, title missing"),
        (
            'step = []\n[[reading]]\nnumber = "02"\nname = "x"\ntitle = "X"\nteaches = "y"\nsystem = "01"\n',
            "reading 02: expected the number of a step as its system, found '01'",
        ),
    ],
)
def test_bad_manifest_is_explained(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(text)
    with pytest.raises(WorkbookError) as caught:
        course.read_manifest(path)
    assert said in str(caught.value)


def test_missing_manifest_is_explained(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="inside a clone"):
        course.read_manifest(tmp_path / "manifest.toml")
