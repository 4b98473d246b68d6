"""A notebook is run from its first cell, and what is stored is the same each time."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbook import course, execute, varying
from workbook.course import Recipe
from workbook.errors import WorkbookError


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setattr(course, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    return Recipe("01", "x", "X", "", {"webapp": 3000}, [])


def write(recipe: Recipe, *sources: str) -> None:
    cells = [nbformat.v4.new_code_cell(source, metadata={"collapsed": True, "tags": ["x"]}) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"title": "mine"}), recipe.notebook)


def stored(recipe: Recipe) -> Any:
    return nbformat.read(recipe.notebook, as_version=4)


def test_execute_stores_the_outputs_as_they_are_on_every_machine(recipe: Recipe) -> None:
    write(
        recipe,
        "import os, pathlib\nprint('at', os.environ['WEBAPP_SERVICE_PORT'], list(pathlib.Path().iterdir()))",
        "# NBVAL_IGNORE_OUTPUT\n# it is another one each time\nprint(os.getpid())",
    )
    assert execute.execute(recipe) is True
    notebook = stored(recipe)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert notebook.cells[0].outputs[0].text == "at 3000 []\n"
    assert notebook.cells[1].outputs == []
    assert {**notebook.cells[0].metadata} == {"tags": ["x"]}
    assert {**notebook.metadata} == execute.METADATA
    assert execute.execute(recipe) is False


def test_execute_stores_one_id_for_all_traces(recipe: Recipe) -> None:
    write(recipe, "import os\nprint(f'failed [trace {os.urandom(16).hex()}]')")
    execute.execute(recipe)
    assert stored(recipe).cells[0].outputs[0].text == f"failed [trace {varying.SAMPLE}]\n"


def test_picture_of_a_trace_stays_while_only_its_times_would_change(recipe: Recipe) -> None:
    source = "from IPython.display import SVG, display\nimport time\n"
    write(recipe, source + "display(SVG(f'<svg><text>{time.time():.1f}\\xa0ms</text></svg>'))")
    assert execute.execute(recipe) is True
    assert execute.execute(recipe) is False
    notebook = stored(recipe)
    notebook.cells[0].outputs[0].data["image/svg+xml"] = "<svg><text>1.0\xa0ms</text> another</svg>"
    nbformat.write(notebook, recipe.notebook)
    assert execute.execute(recipe) is True


def test_execute_stores_nothing_of_a_notebook_that_fails(recipe: Recipe) -> None:
    write(recipe, "print('before')", "1 / 0")
    before = recipe.notebook.read_bytes()
    with pytest.raises(WorkbookError, match=r"^01-x\.ipynb: a cell failed\.(?s:.*)ZeroDivisionError"):
        execute.execute(recipe)
    assert recipe.notebook.read_bytes() == before


def test_execute_of_a_notebook_that_is_not_written_yet_is_explained(recipe: Recipe) -> None:
    with pytest.raises(WorkbookError, match=r"there is no notebooks/01-x\.ipynb yet"):
        execute.execute(recipe)
