"""What a warm keeper loads beforehand: what a script imports, read without running it."""

from pathlib import Path

import pytest

from fuge.services.imports import imported


def names(tmp_path: Path, main: str | bytes, others: dict[str, str] | None = None) -> list[str]:
    """What main.py imports, with other files beside it."""
    script = tmp_path / "main.py"
    script.write_bytes(main if isinstance(main, bytes) else main.encode())
    for name, text in (others or {}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return imported(script)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import json", ["json"]),
        ("import json, asyncio", ["json", "asyncio"]),
        ("import os.path as p", ["os.path"]),
        ("import a.b as c", ["a.b"]),
        ("from aiohttp import web", ["aiohttp", "aiohttp.web"]),
        ("from a.b import c as d, e", ["a.b", "a.b.c", "a.b.e"]),
        ("from json import *", ["json"]),
        ("import json\nimport json", ["json"]),
        ("from __future__ import annotations", ["__future__", "__future__.annotations"]),
        ("import json; from yarl import URL", ["json", "yarl", "yarl.URL"]),
    ],
)
def test_imports_are_found_as_they_are_written(tmp_path: Path, source: str, found: list[str]) -> None:
    assert names(tmp_path, source) == found


def test_imports_in_blocks_are_found(tmp_path: Path) -> None:
    source = """
try:
    import one
except ImportError:
    import two
else:
    import three
finally:
    import four
if DEBUG:
    import five
elif OTHER:
    import six
else:
    import seven
for each in ():
    import eight
while False:
    import nine
with open("x"):
    import ten
match 1:
    case 1:
        import eleven
"""
    expected = "one two three four five six seven eight nine ten eleven"
    assert sorted(names(tmp_path, source)) == sorted(expected.split())


def test_imports_in_functions_are_left_out_and_those_in_classes_kept(tmp_path: Path) -> None:
    source = """
def one():
    import left_out
async def two():
    import left_out
class Three:
    import kept
    def four(self):
        import left_out
    class Five:
        import kept_too
six = lambda: __import__("left_out")
"""
    assert names(tmp_path, source) == ["kept", "kept_too"]


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING"])
def test_imports_for_type_checkers_are_left_out(tmp_path: Path, test: str) -> None:
    source = f"import typing\nif {test}:\n    import left_out\nelse:\n    import kept\n"
    assert names(tmp_path, source) == ["typing", "kept"]


def test_own_modules_are_followed_and_left_out(tmp_path: Path) -> None:
    others = {"routes.py": "import aiohttp\nfrom views import other", "views.py": "import jinja2"}
    found = names(tmp_path, "import routes\nfrom views import page\nimport json", others)
    assert found == ["aiohttp", "jinja2", "json"]


def test_own_packages_are_followed_with_their_relative_imports(tmp_path: Path) -> None:
    others = {
        "app/__init__.py": "import one",
        "app/web/__init__.py": "from . import pages\nfrom ..data import store",
        "app/web/routes.py": "import two",
        "app/web/pages.py": "from .parts.head import title\nfrom .... import beyond",
        "app/web/parts/head.py": "import three",
        "app/data.py": "import four",
    }
    assert names(tmp_path, "from app.web import routes", others) == ["one", "three", "four", "two"]


def test_own_package_is_run_before_its_modules(tmp_path: Path) -> None:
    others = {"app/__init__.py": "import one", "app/inner.py": "import two"}
    assert names(tmp_path, "import app.inner", others) == ["one", "two"]


def test_folder_without_init_is_followed_too(tmp_path: Path) -> None:
    assert names(tmp_path, "from space import inner", {"space/inner.py": "import one"}) == ["one"]


def test_cycles_come_to_an_end(tmp_path: Path) -> None:
    others = {"a.py": "import b\nimport one", "b.py": "import a\nimport main\nimport two"}
    assert names(tmp_path, "import a", others) == ["two", "one"]


def test_script_that_imports_itself_is_left_out(tmp_path: Path) -> None:
    assert names(tmp_path, "import main\nimport json") == ["json"]


def test_link_to_a_script_has_the_modules_beside_the_script(tmp_path: Path) -> None:
    names(tmp_path, "import routes", {"routes.py": "import one"})
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "run.py"
    link.symlink_to(tmp_path / "main.py")
    assert imported(link) == ["one"]


@pytest.mark.parametrize(
    "source",
    [b"import json\ndef (", b"import json\0", b'import json\nx = "caf\xe9"', b"# coding: no-such\nimport json"],
)
def test_source_that_is_not_python_gives_nothing(tmp_path: Path, source: bytes) -> None:
    assert names(tmp_path, source) == []


def test_mistake_in_an_own_module_leaves_the_others(tmp_path: Path) -> None:
    assert names(tmp_path, "import broken\nimport json", {"broken.py": "def ("}) == ["json"]


@pytest.mark.parametrize("source", [b"# coding: latin-1\n# caf\xe9\nimport json", b"\xef\xbb\xbfimport json"])
def test_source_in_another_encoding_is_read(tmp_path: Path, source: bytes) -> None:
    assert names(tmp_path, source) == ["json"]


def test_warnings_about_the_source_are_left_to_python(tmp_path: Path) -> None:
    assert names(tmp_path, 'pattern = "\\d"\nimport json') == ["json"]  # pytest turns a warning into an error


def test_script_that_is_not_there_imports_nothing(tmp_path: Path) -> None:
    assert imported(tmp_path / "main.py") == []
