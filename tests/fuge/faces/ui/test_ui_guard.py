"""Who may see the page and press its buttons: by the real server, and a client that lies."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from fuge_project import Project
from fuge_ui import Page
from yarl import URL

from fuge.faces.ui.guard import name_of

Serve = Callable[..., Page]


@pytest.fixture
def served(project: Project, page: Serve) -> Page:
    project.configure_with(project.sleeper("one"))
    return page()


async def test_the_address_opens_the_page_and_leaves_a_cookie(served: Page) -> None:
    async with ClientSession() as client, client.get(served.address) as answer:
        assert answer.status == 200
        assert "<title>fuge</title>" in await answer.text()
        cookie = answer.headers["Set-Cookie"]
        assert served.token in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert str(served.port) in cookie.partition("=")[0], "another `fuge ui` has a cookie of its own"


async def test_with_the_cookie_no_token_is_needed(served: Page) -> None:
    async with served.client() as client:
        for path in ("/", "/page/app.js", "/page/style.css", "/api/traces"):
            async with client.get(path) as answer:
                assert answer.status == 200, path
                assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", "/?token=%ff", "/page/app.js", "/api/traces", "/api/live", "/api/x"]
)
async def test_without_the_token_it_is_said_where_to_get_the_address(served: Page, path: str) -> None:
    async with ClientSession() as client, client.get(served.base + path) as answer:
        assert answer.status == 403
        assert answer.content_type == "text/plain"
        assert "open the address that fuge has printed" in await answer.text()


async def test_the_token_opens_the_page_alone(served: Page) -> None:
    async with ClientSession() as client, client.get(f"{served.base}/api/traces?token={served.token}") as answer:
        assert answer.status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::", "10.0.0.1", ""])
async def test_a_name_that_only_leads_here_is_refused(served: Page, host: str) -> None:
    async with served.client(Host=host) as client, client.get("/") as answer:
        assert answer.status in (400, 403)
        assert "<title>" not in await answer.text()


async def test_localhost_is_this_machine(served: Page) -> None:
    async with served.client(Host=f"localhost:{served.port}") as client, client.get("/") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1"])
async def test_another_site_cannot_press_a_button(served: Page, project: Project, origin: str) -> None:
    await asyncio.to_thread(project.up, "one")
    headers = {"Origin": origin} if origin else {}
    body = {"operation": "stop", "services": ["one"]}
    async with served.client(**headers) as client:
        async with client.post("/api/services", json=body) as answer:
            assert answer.status == 403
            assert "expected a request by fuge's own page" in await answer.text()
        with pytest.raises(WSServerHandshakeError, match="403"):
            await client.ws_connect("/api/live")
    rows = await asyncio.to_thread(project.ps)
    assert rows["one"]["status"] == "running"


async def test_another_site_cannot_read(served: Page) -> None:
    async with served.client(Origin="http://evil.example") as client, client.get("/api/traces") as answer:
        assert answer.status == 403


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/api/traces", "/page/nothing.js", "/refused"])
async def test_every_answer_has_the_policy(served: Page, path: str) -> None:
    client = ClientSession(served.base) if path == "/refused" else served.client()
    async with client, client.get(path) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name", ["nothing.js", "server.py", "..%2fserver.py", "%2e%2e%2fguard.py", "%2fetc%2fpasswd", "%00.js", "."]
)
async def test_only_parts_of_the_page_are_served(served: Page, name: str) -> None:
    async with served.client() as client, client.get(URL(f"/page/{name}", encoded=True)) as answer:
        assert answer.status == 404


def test_it_listens_on_loopback_alone(served: Page) -> None:
    with socket.create_connection(("127.0.0.1", served.port)):
        pass
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", served.port))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"operation": "down", "services": ["one"]}',
        b'{"operation": "start", "services": []}',
        b'{"operation": "start", "services": [1]}',
        b'{"operation": "start", "services": 5}',
        b"\xff",
    ],
)
async def test_what_is_no_request_is_told_what_was_expected(served: Page, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    client = served.client(Origin=served.base)
    async with client, client.post("/api/services", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert "expected" in (await answer.json())["error"]


async def test_a_large_body_is_not_read(served: Page) -> None:
    client = served.client(Origin=served.base)
    async with client, client.post("/api/services", data=b"x" * 200_000) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(("host", "name"), [("127.0.0.1:80", "127.0.0.1"), ("[::1]:80", "::1"), ("[", ""), ("", "")])
def test_name_of_a_host(host: str, name: str) -> None:
    assert name_of(host) == name
