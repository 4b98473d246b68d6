"""A browser for the page, and pages that end with the test."""

from collections.abc import Callable, Iterator

import pytest
from browsers import open_browser
from fuge_project import Project
from fuge_ui import Page
from selenium.webdriver.remote.webdriver import WebDriver


@pytest.fixture
def page(project: Project) -> Callable[..., Page]:
    return lambda *words: Page(project, *words)


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with open_browser(tmp_path_factory.mktemp("browser"), "1400,900") as browser:
        yield browser
