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


class AdderFailed(Exception):
    """No sum, and the user is not to blame. `status` is for the browser: 502 or 504."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def http_session(app: web.Application) -> AsyncIterator[None]:
    """One pool of connections for the life of the webapp."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE)) as app[SESSION]:
        yield


async def ask_adder(session: aiohttp.ClientSession, first: str, second: str) -> str:
    """The sum, as text. Raises ValueError for what the adder refuses, AdderFailed for all else."""
    path = f"/add/{quote(first, safe='')}/{quote(second, safe='')}"
    url = URL(f"http://{ADDER_HOST}:{ADDER_PORT}{path}", encoded=True)
    try:
        async with session.get(url, allow_redirects=False) as answer:
            text = await answer.text(errors="replace")
    except TimeoutError:
        raise AdderFailed(504, f"The adder service did not answer within {DEADLINE} seconds.") from None
    except aiohttp.ClientConnectorError:
        raise AdderFailed(502, "The adder service cannot be reached.") from None
    except aiohttp.ClientError:
        raise AdderFailed(502, "The adder service broke off its answer.") from None
    if answer.status == 400:
        raise ValueError(text)
    if answer.status != 200 or not re.fullmatch("-?[0-9]+", text):
        raise AdderFailed(502, "The adder service gave an answer that is not a sum.")
    return text


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
    except ValueError as error:
        return page(request, 400, first=first, second=second, error=str(error))
    except AdderFailed as error:
        return page(request, error.status, first=first, second=second, error=str(error))
    return page(request, first=first, second=second, result=result)
