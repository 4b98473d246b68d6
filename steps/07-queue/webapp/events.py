"""Tells the event service of each request, after it is answered."""

import contextlib
import time

from aiohttp import web
from mu import Overloaded
from wiring import mu

NOT_COUNTED = ("/stylesheets/", "/javascripts/", "/healthz")


@web.middleware
async def page_loads(request: web.Request, handler) -> web.StreamResponse:
    """The outermost middleware: it answers first, then sends. Whoever loads a page never waits for the event."""
    if request.path.startswith(NOT_COUNTED):
        return await handler(request)
    error = None
    try:
        response = await handler(request)
    except web.HTTPException as raised:  # an error page, or a redirection
        response = error = raised
    try:
        await response.prepare(request)
        await response.write_eof()
    finally:  # although the visitor may have gone
        record(request)
    if error:
        raise error
    return response


def record(request: web.Request) -> None:
    with contextlib.suppress(Overloaded):  # the log says so
        mu.send({"role": "events", "cmd": "record", "type": "page", "url": full_url(request), "ts": time.time() * 1000})


def full_url(request: web.Request) -> str:
    """As the visitor has it in the address bar; what is no text in it is shown as its bytes."""
    url = f"{request.scheme}://{request.host}{request.path_qs}"
    return url.encode("ascii", "backslashreplace").decode()
