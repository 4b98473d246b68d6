"""The real `fuge ui` of a project, and what a browser shows of it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar
from fuge_project import Project, free_ports
from helpers import wait_until
from selenium.webdriver.remote.webdriver import WebDriver

from workbook.course import ROOT

PICTURES = ROOT / ".artifacts" / "ui"


class Page:
    """`fuge ui`, serving. `address` is what it has printed, `base` that without the token."""

    def __init__(self, project: Project, *words: str) -> None:
        self.port = free_ports(1)[0]
        self.process = project.begin("ui", f"--port={self.port}", *words)
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        self.base = f"http://127.0.0.1:{self.port}"
        self.token = parse_qs(urlsplit(self.address).query)["token"][0]

    def client(self, **headers: str) -> ClientSession:
        """As the browser is, once it has loaded the page."""
        cookies = {f"fuge-ui-{self.port}": self.token}
        return ClientSession(self.base, cookies=cookies, headers=headers, cookie_jar=CookieJar(unsafe=True))

    async def do(self, operation: str, *services: str) -> dict[str, Any]:
        async with (
            self.client(Origin=self.base) as client,
            client.post("/api/services", json={"operation": operation, "services": services}) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found


class Told:
    """What a tab has been told so far, put together as the page does it."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self.system: dict[str, Any] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.lines: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._hear(await self._socket.receive_json(timeout=30))

    def texts(self, service: str) -> list[str]:
        return [line["text"] for line in self.lines if line["service"] == service and line["stream"] == "out"]

    def _hear(self, news: dict[str, Any]) -> None:
        self.messages.append(news)
        self.system = news.get("system", self.system)
        self.rows |= {row["name"]: row for row in news.get("services", [])}
        if "names" in news:
            self.rows = {name: self.rows[name] for name in news["names"]}
        self.lines += news.get("lines", [])


class Shown:
    """What can be seen in a tab."""

    def __init__(self, browser: WebDriver) -> None:
        self.browser = browser

    def ask(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(f"return {script}", *arguments)

    def statuses(self) -> dict[str, str]:
        """Of the table, by service."""
        return self._pairs(".row[data-service]", "each.querySelector('.word').textContent")

    def boxes(self) -> dict[str, str]:
        """Of the picture, by service."""
        return self._pairs(".box", "each.dataset.status")

    def _pairs(self, selector: str, value: str) -> dict[str, str]:
        pairs = f"[...document.querySelectorAll(arguments[0])].map(each => [each.dataset.service, {value}])"
        return dict(self.ask(pairs, selector))

    def lines(self) -> list[str]:
        found: list[str] = self.ask("[...document.querySelectorAll('#log .line')].map(l => l.textContent)")
        return found

    def text(self, selector: str) -> str:
        return str(self.ask("document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def press(self, operation: str, service: str) -> None:
        self.click(f".row[data-service='{service}'] button[data-operation={operation}]")

    def click(self, selector: str) -> None:
        """Once it can be pressed."""
        self.until(lambda: self.ask("document.querySelector(arguments[0])?.disabled === false", selector))
        self.browser.find_element("css selector", selector).click()

    def until(self, condition: Callable[[], object]) -> None:
        assert wait_until(lambda: bool(condition())), self._seen()

    def _seen(self) -> object:
        """What may tell why something has not come."""
        loaded = self.ask("performance.getEntriesByType('resource').map(each => [each.name, each.responseStatus])")
        said = self.browser.get_log("browser")  # type: ignore[attr-defined]
        return self.statuses(), self.text("#banner"), self.lines()[-10:], loaded, said

    def picture(self, name: str) -> None:
        """Into .artifacts/, for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        assert self.browser.save_screenshot(str(PICTURES / f"{name}.png"))
