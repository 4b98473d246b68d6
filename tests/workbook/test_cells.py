"""Reading from a notebook, without running it, what its cells leave in micro/."""

from typing import Any

import pytest

from workbook import cells
from workbook.errors import WorkbookError


def notebook(*sources: str) -> dict[str, Any]:
    return {"cells": [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]}


def test_written_files_are_what_ipython_writes() -> None:
    built = cells.replay(notebook("%%writefile micro/a.py\nx = 1\n\ny = 'ü'", "%%writefile micro/b/c.txt\n"), {})
    assert built == {"a.py": "x = 1\n\ny = 'ü'\n".encode(), "b/c.txt": b"\n"}


def test_later_cells_overwrite_append_remove_and_rename() -> None:
    built = cells.replay(
        notebook(
            "%%writefile micro/a.py\n1",
            "%%writefile micro/a.py\n2",
            "%%writefile -a micro/a.py\n3",
            "remove('old.py')\nrename('b.py', 'sub/c.py')",
            "rename(  # as a formatter would\n    'a.py', 'd.py')",
        ),
        {"old.py": b"x", "b.py": b"b", "kept.py": b"k"},
    )
    assert built == {"kept.py": b"k", "sub/c.py": b"b", "d.py": b"2\n3\n"}


def test_edit_replaces_the_one_place() -> None:
    built = cells.replay(notebook('edit("a.py", "x = 1\\n", "x = 2\\n")'), {"a.py": b"x = 1\ny = 1\n"})
    assert built == {"a.py": b"x = 2\ny = 1\n"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("%%writefile elsewhere.py\n1", r"expected %%writefile \[-a\] micro/PATH, found %%writefile elsewhere\.py"),
        ("%%writefile -x micro/a.py\n1", r"expected %%writefile"),
        ("remove(name)", r"expected remove\(\) with 1 literal text\(s\), found remove\(name\)"),
        ("rename('a')", r"expected rename\(\) with 2 literal"),
        ("remove('never.py')", r"no cell before has written"),
        ("edit('a.py', 'x')", r"expected edit\(\) with 3 literal"),
        ("edit('a.py', 'x', 'y')", r"expected the text once in a\.py, found it 2 times: 'x'"),
        ("edit('a.py', 'z', 'y')", r"found it 0 times"),
    ],
)
def test_what_cannot_be_followed_is_refused(source: str, said: str) -> None:
    with pytest.raises(WorkbookError, match=said):
        cells.replay(notebook(source), {"a.py": b"xx"})
