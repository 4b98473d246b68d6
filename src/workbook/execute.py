"""Runs a notebook from its first cell and stores what came out, so that doing it twice gives the same file."""

import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from workbook import cells, micro, ports, varying
from workbook.course import Chapter
from workbook.errors import WorkbookError

CELL_LIMIT = 60  # seconds
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT_CELL_METADATA = {"jupyter", "tags"}


def execute(chapter: Chapter) -> bool:
    """Run the chapter's notebook in a folder of its own, on free ports, and store it. Says whether it changed."""
    cells.load(chapter.notebook)
    old = chapter.notebook.read_text(encoding="utf-8")
    new = executed(old, chapter)
    if new != old:
        chapter.notebook.write_text(new, encoding="utf-8", newline="\n")
    return new != old


def executed(text: str, chapter: Chapter) -> str:
    """The notebook `text` after a run, in its one canonical form."""
    notebook = nbformat.reads(text, as_version=4)
    stored = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    free = ports.free_ports(chapter.ports)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_LIMIT,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
        )
        try:
            client.execute(env=os.environ | kernel_environment(free))
        except CellExecutionError as error:
            raise WorkbookError(f"{chapter.notebook.name}: a cell failed.\n{error}") from None
        finally:
            micro.stop(Path(folder, micro.NAME))  # the last cell may not have run
    tidy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            outputs = varying.replaced(cell.outputs, varying.seen(chapter, free))
            same = varying.are_same_but_for_times(outputs, stored[cell.id])
            cell.outputs = nbformat.from_dict(stored[cell.id] if same else outputs)
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def kernel_environment(free: dict[str, int]) -> dict[str, str]:
    """What makes the outputs of a run the same everywhere."""
    return ports.environment(free) | {"NO_COLOR": "1", "COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": "1"}


def tidy(notebook: Any) -> None:
    """Keep what a reader sees; drop what differs between machines and runs."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key in KEPT_CELL_METADATA}
        )
        for output in cell.get("outputs", []):
            output.pop("transient", None)
            if "metadata" in output:
                output["metadata"] = nbformat.from_dict({})
        if cell.cell_type == "code" and "NBVAL_IGNORE_OUTPUT" in cell.source:
            cell.outputs = []
