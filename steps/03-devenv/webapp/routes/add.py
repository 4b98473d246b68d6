"""The /add page: a form, and the sum as the adder service gives it."""

import os
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
import aiohttp_jinja2
from aiohttp import web
from yarl import URL

ADDER_HOST = os.environ.get("ADDER_SERVICE_SERVICE_HOST", "127.0.0.1")
ADDER_PORT = os.environ.get("ADDER_SERVICE_SERVICE_PORT", "8080")
DEADLINE = 2  # seconds that the adder has for its answer

routes = web.RouteTableDef()
SESSION = web.AppKey("http_session", aiohttp.ClientSession)


class NoSum(Exception):
    """Why there is no sum, in words for the user. `status` is the HTTP status for the browser."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def http_session(app: web.Application) -> AsyncIterator[None]:
    """One pool of connections for the life of the webapp."""
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE))
    app[SESSION] = session
    yield
    await session.close()


async def ask_adder(session: aiohttp.ClientSession, first: str, second: str) -> str:
    """The sum, as text. Raises NoSum."""
    path = f"/add/{quote(first, safe='')}/{quote(second, safe='')}"
    url = URL(f"http://{ADDER_HOST}:{ADDER_PORT}{path}", encoded=True)  # as it is: a typed ".." stays one
    try:
        async with session.get(url, allow_redirects=False) as answer:
            text = await answer.text(errors="replace")
    except TimeoutError:
        raise NoSum(504, f"The adder service did not answer within {DEADLINE} seconds.") from None
    except aiohttp.ClientConnectorError:
        raise NoSum(502, "The adder service cannot be reached.") from None
    except aiohttp.ClientError:
        raise NoSum(502, "The adder service broke off its answer.") from None
    if answer.status == 200 and re.fullmatch("-?[0-9]+", text):
        return text
    if answer.status == 400 and text.startswith(("first: ", "second: ")):
        raise NoSum(400, text)
    raise NoSum(502, "The adder service gave an answer that is not a sum.")


def page(request: web.Request, status: int = 200, **shown: str) -> web.Response:
    return aiohttp_jinja2.render_template("add.html", request, shown, status=status)


@routes.get("/add")
async def form(request: web.Request) -> web.Response:
    return page(request)


@routes.post("/add/calculate")
async def calculate(request: web.Request) -> web.Response:
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    try:
        typed = await request.post()
    except (LookupError, ValueError):  # a charset that is unknown, or not the one that was used
        raise web.HTTPBadRequest from None
    first, second = (typed.get(name, "").strip() for name in ("first", "second"))
    try:
        result = await ask_adder(request.app[SESSION], first, second)
    except NoSum as error:
        return page(request, error.status, first=first, second=second, error=str(error))
    return page(request, first=first, second=second, result=result)
