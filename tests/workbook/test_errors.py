"""What the reader of a notebook sees of an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ERRORS = [
    ("concordant", "ConcordantError"),
    ("fuge", "FugeError"),
    ("mu", "MuError"),
    ("workbook.errors", "WorkbookError"),
]


@pytest.mark.parametrize(("module", "name"), ERRORS)
def test_error_in_a_cell_is_one_line_without_a_traceback(module: str, name: str, tmp_path: Path) -> None:
    cell = f"from {module} import {name}\nraise {name}('type `make run`')"
    environment = os.environ | {"IPYTHONDIR": str(tmp_path)}
    words = [sys.executable, "-m", "IPython", "--colors=NoColor", "-c", cell]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == f"{name}: type `make run`\n"
