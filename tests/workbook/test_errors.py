"""What the reader of a notebook sees of an error."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

ERRORS = [
    ("concordant", "ConcordantError"),
    ("fuge", "FugeError"),
    ("mu", "MuError"),
    ("workbook.errors", "WorkbookError"),
]


@pytest.mark.parametrize(("module", "name"), ERRORS)
def test_error_in_a_cell_is_one_line_without_a_traceback(
    module: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    InteractiveShell().run_cell(f"from {module} import {name}\nraise {name}('type `make run`')")
    said = capsys.readouterr()
    assert said.out + said.err == f"{name}: type `make run`\n"
