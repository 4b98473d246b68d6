"""python docs/screenshot.py [lab] [ui]: the pictures of the documentation anew, or only those that are named.

docs/lab.png is JupyterLab with recipe 02, its form filled in and sent; docs/ui.png the page of `fuge ui`, with the
system of recipe 07. Needs what `make lab` and `make test` install, and Chromium with its driver.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from workbook import ports
from workbook.browser import request
from workbook.doctor import browser_programs

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = "02-context.ipynb"
LAST_CELL = 'page(f"{WEBAPP}/add")'
WIDTH, HEIGHT = 1200, 1000
PATIENCE = 60  # seconds
VISIBLE_CELLS = ".jp-Notebook .jp-Cell"
IDLE = "//*[contains(text(), '| Idle')]"  # the kernel, in the line at the bottom
RUNNING = "//div[contains(@class, 'jp-InputPrompt') and contains(., '[*]')]"


def main() -> None:
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()


def picture_of_lab() -> None:
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder)) as address, chromium() as browser:
        browser.get(address)
        wait = WebDriverWait(browser, PATIENCE)
        wait.until(lambda _: browser.find_elements(By.XPATH, IDLE))
        browser.find_element(By.CSS_SELECTOR, VISIBLE_CELLS).click()
        while not browser.find_elements(By.CSS_SELECTOR, "iframe[src$='/add']"):
            keys(browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
            wait.until_not(lambda _: browser.find_elements(By.XPATH, RUNNING))
        add(browser, wait)
        for button in browser.find_elements(By.XPATH, "//button[normalize-space()='No']"):
            button.click()  # JupyterLab asks whether it may bring news
        cells = browser.find_elements(By.CSS_SELECTOR, VISIBLE_CELLS)
        cell = next(before for before, shows in pairwise(cells) if LAST_CELL in shows.text)
        browser.execute_script("arguments[0].scrollIntoView()", cell)
        time.sleep(1)  # until it has scrolled
        assert browser.save_screenshot(str(ROOT / "docs" / "lab.png"))


def picture_of_ui() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "steps" / "07-queue", Path(folder) / "shop")
        fuge = [sys.executable, "-m", "fuge", "-f", str(Path(folder) / "shop" / "fuge" / "fuge.yml")]
        subprocess.run([*fuge, "up", "--wait", "--isolated"], check=True)
        try:
            listed = subprocess.run([*fuge, "ps", "webapp", "--json"], check=True, capture_output=True).stdout
            webapp = f"http://127.0.0.1:{json.loads(listed)[0]['ports']['http']}"
            with subprocess.Popen([*fuge, "ui"], stdout=subprocess.PIPE, text=True) as page, chromium() as browser:
                for number in range(1, 9):
                    request("POST", f"{webapp}/add/calculate", {"first": str(number), "second": "23"})
                assert page.stdout
                browser.get(page.stdout.readline())
                WebDriverWait(browser, PATIENCE).until(lambda _: is_measured(browser))
                assert browser.save_screenshot(str(ROOT / "docs" / "ui.png"))
                page.terminate()
        finally:
            subprocess.run([*fuge, "down"], check=True)


def is_measured(browser: webdriver.Chrome) -> bool:
    found = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, ".row [data-label=CPU]")]
    return bool(found) and all("%" in text for text in found)


def add(browser: webdriver.Chrome, wait: WebDriverWait) -> None:
    within(browser, wait, "second")
    browser.find_element(By.NAME, "first").send_keys("19")
    browser.find_element(By.NAME, "second").send_keys("23" + Keys.ENTER)
    within(browser, wait, "result")
    browser.switch_to.default_content()


def within(browser: webdriver.Chrome, wait: WebDriverWait, element: str) -> None:
    """Go into the frame anew until its page has the element: the page that it had before may be gone."""

    def found(_: object) -> bool:
        browser.switch_to.default_content()
        browser.switch_to.frame(browser.find_element(By.CSS_SELECTOR, "iframe[src$='/add']"))
        return bool(browser.find_elements(By.ID, element))

    wait.until(found)


def keys(browser: webdriver.Chrome) -> webdriver.ActionChains:
    return webdriver.ActionChains(browser)


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[str]:
    """The address of the notebook in a JupyterLab of its own, with settings of its own."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(path, folder)
    port, token = ports.free_ports(["lab"])["lab"], secrets.token_hex()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    places = {name: str(folder / f".{name}") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    with subprocess.Popen(
        [*command, f"--IdentityProvider.token={token}", f"--notebook-dir={folder}"],
        env=os.environ | places,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while not ports.answers(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    sys.exit("JupyterLab does not answer: `make lab` shows why")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK}?token={token}"
        finally:
            server.terminate()


@contextlib.contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={WIDTH},{HEIGHT}"):
        options.add_argument(argument)
    program, driver = browser_programs()
    if not (program and driver):
        sys.exit("Chromium and its chromedriver are needed (Debian: apt install chromium chromium-driver)")
    options.binary_location = program
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


PICTURES = {"lab": picture_of_lab, "ui": picture_of_ui}

if __name__ == "__main__":
    main()
