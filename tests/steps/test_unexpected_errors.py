"""What a service says when something in it fails that nobody thought of: that it did, and nothing else."""

import ast
from collections.abc import Callable
from pathlib import Path

from helpers import change, each_recipe, wait_until

from workbook import course
from workbook.course import Recipe
from workbook.system import CONTAINERS, System

LIGHT = [recipe for recipe in course.recipes() if not CONTAINERS & recipe.ports.keys()]
SECRETS = ("secret", "KeyError", "Traceback", ".py")


def is_in_the_log(system: System) -> bool:
    heard: list[str] = []
    return wait_until(lambda: heard.append(system.terminal.new_output()) or "KeyError: 'secret'" in "".join(heard))


@each_recipe(*(recipe for recipe in LIGHT if recipe.number <= "03"))
def test_adder_answers_an_unexpected_error_without_its_text(copy_of: Callable[[Recipe], Path], recipe: Recipe) -> None:
    folder = copy_of(recipe)
    change(
        folder, "adder_service/service.py", "    return integer(", "    raise KeyError('secret')\n    return integer("
    )
    with System(folder, recipe) as running:
        answer = running.get("adder_service", "/add/1/2")
        assert (answer.status, [each for each in SECRETS if each in answer.text]) == (500, [])
        assert is_in_the_log(running)


@each_recipe(*(recipe for recipe in LIGHT if "webapp" in recipe.ports))
def test_webapp_answers_an_unexpected_error_with_a_page_without_its_text(
    copy_of: Callable[[Recipe], Path], recipe: Recipe
) -> None:
    folder = copy_of(recipe)
    change(folder, "webapp/routes/index.py", "    return {}", "    raise KeyError('secret')")
    with System(folder, recipe) as running:
        answer = running.get("webapp", "/")
        assert (answer.status, [each for each in SECRETS if each in answer.text]) == (500, [])
        assert "<h1>500 Internal Server Error</h1>" in answer.text
        assert is_in_the_log(running)


def test_all_webapps_deal_with_errors_alike() -> None:
    found = set()
    for recipe in course.recipes():
        if "webapp" in recipe.ports:
            text = (recipe.step / "webapp" / "main.py").read_text(encoding="utf-8")
            [function] = [each for each in ast.walk(ast.parse(text)) if getattr(each, "name", "") == "error_pages"]
            assert isinstance(function, ast.AsyncFunctionDef)
            found.add(ast.unparse(function))
    assert len(found) == 1
