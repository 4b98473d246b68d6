"""The recipes in their order, as steps/manifest.toml lists them."""

import functools
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from workbook.errors import WorkbookError

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "steps" / "manifest.toml"


@dataclass(frozen=True, eq=False)
class Recipe:
    """One recipe: its notebook, its step (the complete system at its end) and what that step changes.

    `added`, `changed` and `removed` give, for each file that differs from the step before, the reason.
    `imports` are the packages outside the standard library that the step's code imports.
    """

    number: str
    name: str
    title: str
    teaches: str
    ports: dict[str, int]
    imports: list[str]
    added: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return f"{self.number}-{self.name}"

    @property
    def step(self) -> Path:
        return ROOT / "steps" / self.slug

    @property
    def notebook(self) -> Path:
        return ROOT / "notebooks" / f"{self.slug}.ipynb"

    @property
    def reasons(self) -> dict[str, str]:
        return self.added | self.changed | self.removed


@functools.cache
def recipes() -> tuple[Recipe, ...]:
    """All recipes of the repository, first to newest."""
    return read_manifest(MANIFEST)


def read_manifest(path: Path) -> tuple[Recipe, ...]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["step"]
    except FileNotFoundError:
        raise WorkbookError(f"{path} is missing: workbook works inside a clone of its repository") from None
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise WorkbookError(f"{path}: expected a list of [[step]] tables, found: {error}") from None
    return tuple(recipe_from(table, path) for table in tables)


def recipe_from(table: dict[str, Any], path: Path) -> Recipe:
    known = {each.name for each in fields(Recipe)}
    required = known - {"added", "changed", "removed"}
    name = f"{path.name}, step {table.get('number', '?')}"
    if unknown := sorted(set(table) - known):
        raise WorkbookError(f"{name}: unknown {', '.join(unknown)}; expected {', '.join(sorted(known))}")
    if missing := sorted(required - set(table)):
        raise WorkbookError(f"{name}: {', '.join(missing)} missing")
    return Recipe(**table)


def recipe(number: str | int) -> Recipe:
    """The recipe with this number: "02", "2" and 2 are the same."""
    text = str(number).strip()
    wanted = text.zfill(2)
    for each in recipes():
        if wanted == each.number or text == each.slug:
            return each
    raise WorkbookError(f"there is no recipe {text!r}; there are {', '.join(r.number for r in recipes())}")


def newest() -> Recipe:
    return recipes()[-1]


def before(current: Recipe) -> Recipe | None:
    """The recipe before this one; None before the first."""
    position = recipes().index(current)
    return recipes()[position - 1] if position else None
