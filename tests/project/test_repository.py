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


def top_level_imports(path: Path) -> set[str]:
    """What a module imports when it is itself imported, that is, outside of its functions."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting.extend(ast.iter_child_nodes(node))
    return found


# Who may import what besides Python's own library: the package's rooms, then heavy modules in their one place.
WORKBOOK_BORDERS = {
    "errors": set(),
    "course": {"workbook"},
    "snapshots": set(),
    "drift": {"workbook"},
    "diff": {"workbook"},
    "micro": {"workbook"},
    "cells": {"workbook"},
    "lint": {"workbook"},
    "pictures": {"workbook"},
    "browser": {"workbook"},
    "exercises": {"workbook"},
    "doctor": {"workbook"},
    "cli": {"workbook"},
    "__main__": {"workbook"},
    "__init__": set(),
    "ports": {"workbook", "psutil"},
    "terminal": {"workbook", "psutil"},
    "system": {"workbook", "psutil"},
    "forward": {"workbook", "nbformat"},
    "execute": {"workbook", "nbformat", "nbclient"},
    "notebook": {"workbook", "IPython"},
}


def test_borders_within_workbook_are_kept() -> None:
    modules = {path.stem: path for path in (ROOT / "src" / "workbook").glob("*.py")}
    assert modules.keys() == WORKBOOK_BORDERS.keys()
    for name, path in modules.items():
        assert top_level_imports(path) - set(sys.stdlib_module_names) <= WORKBOOK_BORDERS[name], name


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


def test_readme_names_every_recipe_and_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for recipe in course.recipes():
        assert f"[{recipe.slug}](notebooks/{recipe.slug}.ipynb)" in readme
        assert recipe.title in readme
    for command in ("make run", "make test", "make lab", "workbook doctor"):
        assert command in readme


def test_forks_run_one_job_for_each_step_of_the_manifest() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert "fromJSON(needs.steps.outputs.numbers)" in workflow
    assert "make test STEP=${{ matrix.step }}" in workflow
