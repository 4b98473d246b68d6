"""What tests share."""

import ast
import asyncio
import functools
import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import psutil
import pytest

from fuge.plan.system import Port, Service
from fuge.services.engines import Engines
from workbook import course
from workbook.course import ROOT, Chapter, Recipe
from workbook.system import CONTAINERS

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

MEASURED = "COVERAGE_PROCESS_CONFIG"  # in the environment of processes, by `make coverage`
MARK = "WORKBOOK_TEST_RUN"  # in the environment of every process that a test starts, directly or not


def each_recipe(*chosen: Recipe) -> pytest.MarkDecorator:
    """Run a test once for each recipe (or each chosen one), as part of that step."""
    return each_of("recipe", chosen or course.recipes())


def each_chapter(*chosen: Chapter) -> pytest.MarkDecorator:
    """The same for each chapter, those included that build nothing; the test has `chapter`."""
    return each_of("chapter", chosen or course.chapters())


def each_of(name: str, chapters: Sequence[Chapter]) -> pytest.MarkDecorator:
    parameters = [pytest.param(each, id=each.slug, marks=pytest.mark.step(each.number)) for each in chapters]
    return pytest.mark.parametrize(name, parameters)


def each_chapter_and_engine() -> pytest.MarkDecorator:
    """The same, and by each engine where its system has containers; the test has `chapter` and `engine`."""
    parameters = [
        pytest.param(chapter, engine, id=f"{chapter.slug} {engine}".strip(), marks=pytest.mark.step(chapter.number))
        for chapter in course.chapters()
        for engine in engines_for(chapter)
    ]
    return pytest.mark.parametrize(("chapter", "engine"), parameters)


def load_benchmark(path: str) -> ModuleType:
    """A file of benchmarks/, which is no package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "benchmarks" / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unmeasured() -> dict[str, str]:
    """The environment, but for what would bring coverage into a program: modules, files and variables of its own."""
    return {name: value for name, value in os.environ.items() if name != MEASURED}


def needed(found: object, what: str) -> None:
    """Skip where something is not installed; fail where it must be, in CI."""
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must provide {what}: .ci/run installs it")
    pytest.skip(f"{what} is not installed")


MONGO = Service(name="mongo", type="container", image="mongo", ports=(Port("main", 27017),))
ENGINES = ("docker", "wheel")  # by each of which the course must work


def engines_for(chapter: Chapter) -> tuple[str, ...]:
    """What its containers are run by in tests; one engine without a name for a chapter that has none."""
    return ENGINES if CONTAINERS & chapter.ports.keys() else ("",)


@functools.cache
def problem_with(engine: str) -> str:
    """Why an engine cannot run the image `mongo` here; empty if it can."""

    async def look() -> str:
        engines = Engines(environment=os.environ | {"FUGE_ENGINE": engine})
        try:
            async for candidate in engines.survey(MONGO):
                if candidate.was_asked:
                    return "" if candidate.choice else str(candidate)
        finally:
            engines.close()
        return f"{engine} is not looked at"

    return asyncio.run(look())


def engine_needed(engine: str) -> None:
    """As `needed`, for what runs containers. None is needed for a system without any, whose engine is ""."""
    if engine and (problem := problem_with(engine)):
        needed(None, f"the image mongo by {engine} ({problem})")


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Put `new` in the place of `old`, which stands once in a file of a step's copy."""
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, name
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def keep_database(folder: Path) -> None:
    """Its data lasts from one start to the next, as that of a container with a volume does."""
    image = "  image: mongo\n"
    change(folder, "fuge/fuge.yml", image, f"{image}  volumes:\n    - entries:/data/db\n")


def imported(path: Path) -> set[str]:
    """The modules that a module names in its imports, wherever they stand, and what it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


def left_running() -> list[str]:
    """The processes that a test of this run has started and that still live."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.pid != os.getpid() and process.environ().get(MARK) == os.environ[MARK]
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"pid {process.pid}: {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it comes true; the time is meant for machines that are busy with other things."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def screenshot(browser: "WebDriver", recipe: Recipe, name: str) -> None:
    """Into .artifacts/, for people to look at."""
    folder = ROOT / ".artifacts"
    folder.mkdir(exist_ok=True)
    assert browser.save_screenshot(str(folder / f"{recipe.slug}-{name}.png"))
