"""The system under contract: every step from the first webapp on, started by its own launcher; and a browser.

A module whose tests are about a service that comes at another time names it: NEEDS = "audit_service". Where that keeps
what it knows in a container the newest step is run by each engine; all else is run by one.
"""

from collections.abc import Iterator

import pytest
from browsers import open_browser
from helpers import engine_needed, engines_for
from selenium.webdriver.remote.webdriver import WebDriver

from workbook import course
from workbook.course import Recipe
from workbook.system import System

STORING = {"audit_service", "event_service"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recipe" in metafunc.fixturenames:
        service = getattr(metafunc.module, "NEEDS", "webapp")
        by_each = course.newest() if service in STORING else None
        steps = [
            pytest.param(recipe, engine, id=f"{recipe.slug} {engine}".strip(), marks=pytest.mark.step(recipe.number))
            for recipe in course.recipes()
            if service in recipe.ports
            for engine in (engines_for(recipe) if recipe is by_each else engines_for(recipe)[-1:])
        ]
        metafunc.parametrize(("recipe", "engine"), steps, scope="module")


@pytest.fixture(scope="module")
def system(recipe: Recipe, engine: str) -> Iterator[System]:
    """One system for all tests of a module: they leave it as they found it."""
    engine_needed(engine)
    with System(recipe.step, recipe, engine) as running:
        yield running


@pytest.fixture
def own_system(recipe: Recipe, engine: str) -> Iterator[System]:
    """A system of the test's own, to break."""
    engine_needed(engine)
    with System(recipe.step, recipe, engine) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with open_browser(tmp_path_factory.mktemp("browser"), "1000,700") as browser:
        browser.implicitly_wait(10)  # seconds that a page may take to show what is looked for
        yield browser
