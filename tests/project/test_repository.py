"""Promises of the repository as a whole."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workbook import course
from workbook.course import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


# What each module of the course's tool may import besides Python's own library. The arrows point one way: a
# module names only those above it.
BORDERS = {
    "__init__": set(),
    "errors": set(),
    "snapshots": set(),
    "course": {"errors"},
    "ports": {"errors", "fuge", "psutil"},
    "terminal": {"errors", "psutil"},
    "browser": {"errors"},
    "system": {"browser", "concordant", "course", "errors", "ports", "snapshots", "terminal", "mu", "psutil"},
    "drift": {"course", "snapshots"},
    "diff": {"course", "snapshots"},
    "micro": {"course", "errors", "snapshots"},
    "cells": {"errors", "micro", "snapshots"},
    "lint": {"cells", "errors"},
    "pictures": {"course"},
    "system_picture": {"pictures", "fuge"},
    "trace_picture": {"fuge"},
    "varying": {"course", "ports", "trace_picture"},
    "databases": {"errors", "ports"},
    "node": {"course", "errors"},
    "doctor": {"course", "databases", "ports", "fuge"},
    "exercises": {"browser", "course", "errors", "system"},
    "forward": {"cells", "course", "errors", "nbformat"},
    "execute": {"cells", "course", "errors", "micro", "ports", "varying", "nbformat", "nbclient"},
    "notebook": {
        *(
            "browser",
            "cells",
            "course",
            "databases",
            "errors",
            "exercises",
            "micro",
            "node",
            "pictures",
            "ports",
            "system_picture",
            "terminal",
            "trace_picture",
        ),
        *("IPython", "fuge"),
    },
    "cli": {
        "course",
        "diff",
        "doctor",
        "errors",
        "execute",
        "exercises",
        "forward",
        "lint",
        "micro",
        "pictures",
        "ports",
        "rich",
    },
    "__main__": {"cli"},
}


def imports(path: Path) -> set[str]:
    """What a module imports, at its top or within a function: its neighbours, and packages from outside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "workbook":
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            first, *rest = node.module.split(".")
            found.add(rest[0] if first == "workbook" else first)
    return found - set(sys.stdlib_module_names)


def test_borders_within_workbook_are_kept() -> None:
    workbook = ROOT / "src" / "workbook"
    modules = {path.stem: [path] for path in workbook.glob("*.py")}
    modules |= {path.parent.name: [*path.parent.glob("*.py")] for path in workbook.glob("*/__init__.py")}
    assert {name: set().union(*map(imports, paths)) - {name} for name, paths in modules.items()} == BORDERS
    order = list(BORDERS)
    upward = [
        (name, other)
        for name in order
        for other in BORDERS[name] & set(order)
        if order.index(other) > order.index(name)
    ]
    assert upward == []


def test_the_steps_extra_is_what_the_steps_import() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split("[<>=]", name)[0].replace("-", "_") for name in project["optional-dependencies"]["steps"]}
    ours = {path.parent.name for path in (ROOT / "src").glob("*/__init__.py")}  # they are there with the course itself
    assert declared == {name for recipe in course.recipes() for name in recipe.imports} - ours


def test_steps_do_not_know_the_course() -> None:
    for recipe in course.recipes():
        assert "workbook" not in recipe.imports


def test_every_line_ends_as_git_wants_it() -> None:
    assert [path for path in tracked() if path.suffix != ".png" and b"\r" in path.read_bytes()] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_lock_is_hashed_and_names_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    requirements = re.sub(r"\\\n", " ", text).splitlines()
    assert requirements
    assert [line for line in requirements if not re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:", line)] == []


def test_locks_agree_with_each_other() -> None:
    """All three are installed into one .venv."""
    run, test, lab = (pins(ROOT / "requirements" / f"{name}.txt") for name in ("run", "test", "lab"))
    for one, other in ((run, test), (run, lab), (test, lab)):
        common = one.keys() & other.keys()
        assert common
        assert {name: one[name] for name in common} == {name: other[name] for name in common}


def pins(lock: Path) -> dict[str, list[str]]:
    """{package: its locked versions, one for each range of Pythons that needs its own}"""
    found: dict[str, list[str]] = {}
    for name, rest in re.findall(r"^([a-z0-9._-]+)==(\S+).* \\$", lock.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(rest)
    return found


def test_locks_hold_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {
        name: [entry for entry in entries if isinstance(entry, str)]
        for name, entries in project["dependency-groups"].items()
    }
    run = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["steps"], *groups["run"]]
    wanted = {"run": run} | {name: run + groups["notebooks"] + groups[name] for name in ("test", "lab")}
    for lock, requirements in wanted.items():
        locked = pins(ROOT / "requirements" / f"{lock}.txt")
        assert {re.split("[<>=]", requirement)[0] for requirement in requirements} - locked.keys() == set()


def test_no_package_index_is_named() -> None:
    hosts = re.compile(rb"(pypi|npmjs|pythonhosted|debian)\." rb"(org|com)")
    assert [path for path in tracked() if hosts.search(path.read_bytes())] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_readme_names_every_chapter_and_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for chapter in course.chapters():
        assert f"[{chapter.slug}](notebooks/{chapter.slug}.ipynb)" in readme
        assert chapter.title in readme
    for command in ("make run", "make test", "make lab", "workbook doctor"):
        assert command in readme


def test_forks_run_one_job_for_each_step_of_the_manifest() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert "fromJSON(needs.steps.outputs.numbers)" in workflow
    assert "make test STEP=${{ matrix.step }}" in workflow
