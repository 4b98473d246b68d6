"""House rules for notebooks: what the strict comparison of outputs cannot see."""

import re
from pathlib import Path
from typing import Any

from workbook import cells
from workbook.cells import Cell
from workbook.errors import WorkbookError

SECTIONS = [
    *("Getting ready", "How to do it", "How it works", "There's more", "See also"),
    *("Exercises", "Failure drill"),
]
IGNORE = "# NBVAL_IGNORE_OUTPUT"  # nbval knows it only when it is alone on its line
OTHER_MARKER = re.compile(r"NBVAL_(SKIP|RAISES_EXCEPTION|CHECK_OUTPUT)|PYTEST_VALIDATE_IGNORE_OUTPUT")
OTHER_TAG = re.compile(r"nbval-|raises-exception")
IGNORED_AT_MOST = 0.1  # of the code cells
TOP_FOLDERS = "app bin data dev etc home lib mnt opt private proc root run srv sys tmp usr Users var work workspace"
ABSOLUTE = re.compile(rf"""(?:^|[\s"'(=])(/(?:{TOP_FOLDERS.replace(" ", "|")})/[^\s"':]+|[A-Za-z]:\\\S*)""")
IN_IMAGES = re.compile(r"/data/db|/app/\w+_service/?|/tmp/requirements\.txt")  # the same on every machine


def problems(path: Path) -> list[str]:
    """Every broken rule of a notebook, as "NAME, code cell 3: what is wrong and what to do"."""
    notebook = cells.load(path)
    code = list(cells.code_cells(notebook))
    found = []
    for number, cell in enumerate(code, 1):
        found += [f"{path.name}, code cell {number}: {text}" for text in cell_problems(cell, number)]
    found += [f"{path.name}: {text}" for text in whole_problems(notebook, code, path.name.partition("-")[0])]
    return found


def cell_problems(cell: Cell, number: int) -> list[str]:
    source = cells.source(cell)
    found = []
    if cell.get("execution_count") != number:
        found.append("was not run in order: run `workbook execute` on the notebook")
    if any(output.get("name") == "stderr" for output in cell["outputs"]):
        found.append("has stored stderr: mend what it complains about")
    if any(output["output_type"] == "error" for output in cell["outputs"]):
        found.append("has stored an error: a cell shows a failure as its text, not as a traceback")
    paths = ABSOLUTE.findall(f"{source}\n{output_text(cell)}")
    if where := next((path for path in paths if not IN_IMAGES.fullmatch(path)), ""):
        found.append(f"holds the absolute path {where}: write it relative to the notebook")
    if re.search(r"\bsteps/", source) or re.search(r"\b(shutil|copytree|copyfile)\b", source):
        found.append("copies or names a snapshot: the reader builds, with %%writefile")
    found += magic_problems(source)
    if IGNORE in source and not re.search(rf"^{IGNORE}\n# \w+", source, re.MULTILINE):
        found.append(f"ignores its output without a reason: write a comment right below `{IGNORE}`")
    if OTHER_MARKER.search(source) or any(OTHER_TAG.match(tag) for tag in cell["metadata"].get("tags", [])):
        found.append(f"is kept from the comparison by a tag or another marker: use `{IGNORE}` and a reason")
    return found


def magic_problems(source: str) -> list[str]:
    first, *rest = source.split("\n")
    if first.startswith("%%writefile "):
        return []
    lines = [line.strip() for line in (first, *rest)]
    return [
        f"uses {line.split()[0]}: the only magic here is %%writefile" for line in lines if line.startswith(("%", "!"))
    ]


def output_text(cell: Cell) -> str:
    shown = [each for output in cell["outputs"] for each in (output.get("text", ""), *output.get("data", {}).values())]
    return "\n".join("".join(each) if isinstance(each, list) else str(each) for each in shown)


def whole_problems(notebook: dict[str, Any], code: list[Cell], number: str) -> list[str]:
    found = []
    ignored = sum(IGNORE in cells.source(cell) for cell in code)
    if ignored > IGNORED_AT_MOST * len(code):
        found.append(f"ignores the output of {ignored} of {len(code)} cells: at most one in ten")
    begins = re.findall(r'^begin\("(\d+)"\)$', "\n".join(map(cells.source, code)), re.MULTILINE)
    if begins != [number]:
        found.append(f'expected begin("{number}") once, on a line of its own; found {begins}')
    if not code or cells.source(code[-1]).strip() != "stop_all()":
        found.append("its last code cell is not stop_all(): nothing may run on after a notebook")
    headings = re.findall(r"^## (.+)$", markdown(notebook), re.MULTILINE)
    if [name for name in headings if name in SECTIONS] != SECTIONS:
        found.append(f"its sections are {', '.join(headings)}; expected, in this order: {', '.join(SECTIONS)}")
    return found


def markdown(notebook: dict[str, Any]) -> str:
    return "\n\n".join(cells.source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def require(path: Path) -> None:
    if found := problems(path):
        raise WorkbookError("\n".join(found))
