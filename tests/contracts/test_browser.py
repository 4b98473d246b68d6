"""The form in a real browser: typed, sent and read as a visitor does it. Screenshots go to .artifacts/."""

from helpers import screenshot
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from workbook.course import Recipe
from workbook.system import System


def focused(browser: WebDriver, name: str) -> WebElement:
    """The field of that name, once it has the focus."""
    condition = lambda _: browser.switch_to.active_element.get_attribute("name") == name  # noqa: E731
    WebDriverWait(browser, 10).until(condition, f"{name} never had the focus")
    return browser.switch_to.active_element


def test_visitor_adds_two_numbers_by_keyboard(browser: WebDriver, system: System, recipe: Recipe) -> None:
    browser.get(system.url("webapp", "/"))
    browser.find_element(By.LINK_TEXT, "Add two numbers").click()
    focused(browser, "first").send_keys("19" + Keys.TAB)
    focused(browser, "second").send_keys("23" + Keys.ENTER)
    assert browser.find_element(By.ID, "result").text == "42"
    assert browser.find_element(By.ID, "first").get_attribute("value") == "19"
    screenshot(browser, recipe, "result")


def test_visitor_reads_what_is_wrong_and_mends_it(browser: WebDriver, system: System, recipe: Recipe) -> None:
    browser.get(system.url("webapp", "/add"))
    focused(browser, "first").send_keys("1")
    browser.find_element(By.ID, "second").send_keys("<b>2</b>")
    browser.find_element(By.TAG_NAME, "button").click()
    alert = browser.find_element(By.CSS_SELECTOR, "[role=alert]")
    assert alert.text == "second: expected an integer of at most 100 digits, found '<b>2</b>'"
    wrong = focused(browser, "second")
    assert wrong.get_attribute("aria-describedby") == alert.get_attribute("id")
    screenshot(browser, recipe, "error")
    wrong.clear()
    wrong.send_keys("2" + Keys.ENTER)
    assert browser.find_element(By.ID, "result").text == "3"


def test_long_numbers_stay_inside_the_page(browser: WebDriver, system: System, recipe: Recipe) -> None:
    browser.set_window_size(400, 700)
    browser.get(system.url("webapp", "/add"))
    browser.find_element(By.ID, "first").send_keys("9" * 100)
    browser.find_element(By.ID, "second").send_keys("1" + Keys.ENTER)
    assert browser.find_element(By.ID, "result").text == "1" + "0" * 100
    page = browser.execute_script("return document.documentElement.scrollWidth")
    window = browser.execute_script("return window.innerWidth")
    screenshot(browser, recipe, "long")
    browser.set_window_size(1000, 700)
    assert page <= window
