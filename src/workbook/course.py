"""The chapters in their order, as steps/manifest.toml lists them: the recipes, and what is only read and run."""

import functools
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from workbook.errors import WorkbookError

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "steps" / "manifest.toml"
AChapter = TypeVar("AChapter", bound="Chapter")


@dataclass(frozen=True, eq=False)
class Chapter:
    """One notebook of the course, and the ports of the system that it is about."""

    number: str
    name: str
    title: str
    teaches: str
    ports: dict[str, int]

    @property
    def slug(self) -> str:
        return f"{self.number}-{self.name}"

    @property
    def notebook(self) -> Path:
        return ROOT / "notebooks" / f"{self.slug}.ipynb"

    @property
    def step(self) -> Path:
        """The complete system at its end."""
        return ROOT / "steps" / self.slug

    def __str__(self) -> str:
        return f"chapter {self.number}"


@dataclass(frozen=True, eq=False)
class Recipe(Chapter):
    """A chapter that builds: its step is a folder of its own.

    `added`, `changed` and `removed` give, for each file that differs from the step before, the reason.
    `imports` are the packages outside the standard library that the step's code imports.
    """

    imports: list[str]
    added: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, str]:
        return self.added | self.changed | self.removed

    def __str__(self) -> str:
        return f"recipe {self.number}"


@dataclass(frozen=True, eq=False)
class Reading(Chapter):
    """A chapter to read and run, which builds nothing: it begins and ends with the system of a recipe."""

    system: Recipe

    @property
    def step(self) -> Path:
        return self.system.step


@functools.cache
def chapters() -> tuple[Chapter, ...]:
    """All chapters of the repository, first to last."""
    return read_manifest(MANIFEST)


@functools.cache
def recipes() -> tuple[Recipe, ...]:
    """Those that build, first to newest."""
    return tuple(each for each in chapters() if isinstance(each, Recipe))


def read_manifest(path: Path) -> tuple[Chapter, ...]:
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        steps = manifest["step"]
    except FileNotFoundError:
        raise WorkbookError(f"{path} is missing: workbook works inside a clone of its repository") from None
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise WorkbookError(f"{path}: expected a list of [[step]] tables, found: {error}") from None
    built = [recipe_from(table, path) for table in steps]
    return (*built, *(reading_from(table, path, built) for table in manifest.get("reading", [])))


def recipe_from(table: dict[str, Any], path: Path) -> Recipe:
    known = {each.name for each in fields(Recipe)}
    check_keys(table, known, known - {"added", "changed", "removed"}, f"{path.name}, step {table.get('number', '?')}")
    return Recipe(**table)


def reading_from(table: dict[str, Any], path: Path, built: list[Recipe]) -> Reading:
    """Its ports are those of its system."""
    known = {each.name for each in fields(Reading)} - {"ports"}
    name = f"{path.name}, reading {table.get('number', '?')}"
    check_keys(table, known, known, name)
    system = next((each for each in built if each.number == table["system"]), None)
    if system is None:
        raise WorkbookError(f"{name}: expected the number of a step as its system, found {table['system']!r}")
    return Reading(**table | {"system": system, "ports": system.ports})


def check_keys(table: dict[str, Any], known: set[str], required: set[str], name: str) -> None:
    if unknown := sorted(set(table) - known):
        raise WorkbookError(f"{name}: unknown {', '.join(unknown)}; expected {', '.join(sorted(known))}")
    if missing := sorted(required - set(table)):
        raise WorkbookError(f"{name}: {', '.join(missing)} missing")


def chapter(number: str | int) -> Chapter:
    """The chapter with this number: "02", "2" and 2 are the same."""
    return numbered(number, chapters(), "chapter")


def recipe(number: str | int) -> Recipe:
    """The same, of those that build."""
    return numbered(number, recipes(), "recipe")


def numbered(number: str | int, among: tuple[AChapter, ...], kind: str) -> AChapter:
    text = str(number).strip()
    for each in among:
        if text.zfill(2) == each.number or text == each.slug:
            return each
    raise WorkbookError(f"there is no {kind} {text!r}; there are {', '.join(each.number for each in among)}")


def newest() -> Recipe:
    return recipes()[-1]


def before(current: Chapter) -> Recipe | None:
    """The recipe whose end this chapter begins with; None for the first."""
    if isinstance(current, Reading):
        return current.system
    position = recipes().index(current)
    return recipes()[position - 1] if position else None
