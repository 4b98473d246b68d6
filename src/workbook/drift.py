"""Keeps the copies honest: every difference between two steps is declared in the manifest, with its reason."""

import ast
import sys
from pathlib import Path

from workbook import snapshots
from workbook.course import Recipe
from workbook.snapshots import Snapshot


def problems(current: Recipe, previous: Recipe | None) -> list[str]:
    """What the manifest and the files of `current` disagree about; each line says what to do."""
    old = snapshots.read(previous.step) if previous else {}
    new = snapshots.read(current.step)
    return [
        *undeclared(current, previous, old, new),
        *untrue(current, old, new),
        *without_reason(current),
        *import_problems(current),
    ]


def undeclared(current: Recipe, previous: Recipe | None, old: Snapshot, new: Snapshot) -> list[str]:
    said = {"missing": "removed", "not expected": "added", "different": "changed"}
    found = []
    for name, difference in snapshots.differences(old, new).items():
        table = said[difference]
        if name in getattr(current, table):
            continue
        line = (
            f"steps/{current.slug}/{name} is {table}, but steps/manifest.toml does not say so. If that is meant, add"
            f' "{name}" = "the reason" to [step.{table}] of step {current.number}'
        )
        if previous and table == "changed":
            line += (
                f"; if it is a fix that step {previous.number} needs too, make it there and run"
                f" `workbook forward {previous.number} {name}`"
            )
        found.append(f"{line}; else take it back")
    return found


def untrue(current: Recipe, old: Snapshot, new: Snapshot) -> list[str]:
    both = old.keys() & new.keys()
    holds = {
        "added": new.keys() - old.keys(),
        "changed": {name for name in both if old[name] != new[name]},
        "removed": old.keys() - new.keys(),
    }
    return [
        f"steps/manifest.toml says that step {current.number} has {table} {name}, but it has not: take the line out"
        for table, names in holds.items()
        for name in getattr(current, table)
        if name not in names
    ]


def without_reason(current: Recipe) -> list[str]:
    return [
        f"steps/manifest.toml gives no one-line reason for {name} in step {current.number}: write one"
        for name, reason in current.reasons.items()
        if not reason.strip() or "\n" in reason
    ]


def import_problems(current: Recipe) -> list[str]:
    found, declared = imported(current.step), set(current.imports)
    where = f"imports of step {current.number} in steps/manifest.toml"
    return [
        *(f"{name} is imported by steps/{current.slug} but is not in {where}" for name in sorted(found - declared)),
        *(f"{name} is in {where}, but nothing there imports it" for name in sorted(declared - found)),
    ]


def imported(folder: Path) -> set[str]:
    """Top-level packages imported below `folder` that are neither Python's own nor the folder's."""
    sources = [path for path in folder.rglob("*.py") if "__pycache__" not in path.parts]
    local = {part for path in sources for part in path.relative_to(folder).with_suffix("").parts}
    names: set[str] = set()
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - local - set(sys.stdlib_module_names)
