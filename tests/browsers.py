"""A real browser, without a window."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from helpers import needed
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

from workbook.doctor import browser_programs

QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@contextlib.contextmanager
def open_browser(profile: Path, size: str) -> Iterator[WebDriver]:
    """`profile`: an empty folder of its own; `size` such as "1000,700". What its console says can be asked for."""
    program, driver = browser_programs()
    needed(program and driver, "Chromium with its chromedriver (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(program)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (*QUIET, f"--window-size={size}", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(str(driver)))
    try:
        yield browser
    finally:
        browser.quit()
