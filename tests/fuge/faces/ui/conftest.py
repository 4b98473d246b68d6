"""A browser for the page, and pages that end with the test."""

from collections.abc import Callable, Iterator

import pytest
from fuge_project import Project
from fuge_ui import Page
from helpers import needed
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

from workbook.doctor import browser_programs

QUIET = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,900"),
]


@pytest.fixture
def page(project: Project) -> Callable[..., Page]:
    return lambda *words: Page(project, *words)


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    program, driver = browser_programs()
    needed(program and driver, "Chromium with its chromedriver (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(program)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(str(driver)))
    yield browser
    browser.quit()
