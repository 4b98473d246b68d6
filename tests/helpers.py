"""What tests share."""

import os
import time
from collections.abc import Callable

import psutil
import pytest

from workbook import course
from workbook.course import Recipe

MARK = "WORKBOOK_TEST_RUN"  # in the environment of every process that a test starts, directly or not


def each_recipe(*chosen: Recipe) -> pytest.MarkDecorator:
    """Run a test once for each recipe (or each chosen one), as part of that step."""
    parameters = [
        pytest.param(recipe, id=recipe.slug, marks=pytest.mark.step(recipe.number))
        for recipe in chosen or course.recipes()
    ]
    return pytest.mark.parametrize("recipe", parameters)


def needed(found: object, what: str) -> None:
    """Skip where something is not installed; fail where it must be, in CI."""
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must provide {what}: .ci/run installs it")
    pytest.skip(f"{what} is not installed")


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


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
