"""The system under contract: every step from the first webapp on, started by its own launcher."""

from collections.abc import Iterator

import pytest

from workbook import course
from workbook.course import Recipe
from workbook.system import System

WITH_WEBAPP = [recipe for recipe in course.recipes() if "webapp" in recipe.ports]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recipe" in metafunc.fixturenames:
        steps = [pytest.param(r, id=r.slug, marks=pytest.mark.step(r.number)) for r in WITH_WEBAPP]
        metafunc.parametrize("recipe", steps, scope="module")


@pytest.fixture(scope="module")
def system(recipe: Recipe) -> Iterator[System]:
    """One system for all tests of a module: they leave it as they found it."""
    with System(recipe.step, recipe) as running:
        yield running


@pytest.fixture
def own_system(recipe: Recipe) -> Iterator[System]:
    """A system of the test's own, to break."""
    with System(recipe.step, recipe) as running:
        yield running
