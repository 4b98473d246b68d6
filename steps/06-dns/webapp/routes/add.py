"""The /add page: a form, and the sum as the adder service gives it."""

import contextlib
import logging
import re
import time

import aiohttp_jinja2
from aiohttp import web
from mu import ConnectionLost, DeadlineExceeded, MuError, Overloaded, ServiceError
from wiring import mu

DEADLINE = 2  # seconds that the adder has for its answer

log = logging.getLogger("webapp")
routes = web.RouteTableDef()


class NoSum(Exception):
    """Why there is no sum, in words for the user. `status` is the HTTP status for the browser."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def ask_adder(first: str, second: str) -> int | str:
    """The sum; a large one as text. Raises NoSum."""
    try:
        result = await mu.dispatch({"role": "basic", "cmd": "add", "first": first, "second": second}, timeout=DEADLINE)
    except ServiceError as error:
        if error.status == 400:
            raise NoSum(400, error.message) from None
        raise NoSum(502, "The adder service failed.") from None
    except DeadlineExceeded:
        raise NoSum(504, f"The adder service did not answer within {DEADLINE} seconds.") from None
    except ConnectionLost:
        raise NoSum(502, "The adder service broke off its answer.") from None
    except MuError as error:
        log.warning("%r", error)
        raise NoSum(502, "The adder service cannot be reached.") from None
    if re.fullmatch("-?[0-9]+", str(result)):
        return result
    raise NoSum(502, "The adder service gave an answer that is not a sum.")


def record(calculation: str, result: int | str) -> None:
    """Hand it to the audit. The visitor does not wait until it has arrived, nor notice if it cannot."""
    with contextlib.suppress(Overloaded):  # the log says so
        mu.send({"role": "audit", "cmd": "append", "calc": calculation, "calcResult": result, "ts": time.time() * 1000})


def page(request: web.Request, status: int = 200, **shown: int | str) -> web.Response:
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
        result = await ask_adder(first, second)
    except NoSum as error:
        return page(request, error.status, first=first, second=second, error=str(error))
    record(f"{first} + {second}", result)
    return page(request, first=first, second=second, result=result)
