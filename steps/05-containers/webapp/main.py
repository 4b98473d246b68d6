"""The web front end: the only part of the system that a browser talks to."""

import logging
import os
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web
from mu import observe
from routes import add, audit, index, users
from wiring import mu

HERE = Path(__file__).parent
HOST = "127.0.0.1"
MAX_FORM = 32 * 1024  # bytes

log = logging.getLogger("webapp")


@web.middleware
async def error_pages(request: web.Request, handler) -> web.StreamResponse:
    """Every error ends as a page; what went wrong inside stays in the log."""
    try:
        return await handler(request)
    except web.HTTPException as expected:
        if expected.status < 400:  # a redirection is no error
            raise
        error = expected
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        error = web.HTTPInternalServerError()
    error.text = aiohttp_jinja2.render_string("error.html", request, {"status": HTTPStatus(error.status)})
    error.content_type = "text/html"
    raise error


async def messages(app: web.Application) -> AsyncIterator[None]:
    """Its connections to services are for as long as the webapp runs, and until its last answer."""
    async with mu:
        yield


def create_app() -> web.Application:
    app = web.Application(middlewares=[error_pages], client_max_size=MAX_FORM)
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE / "views"),
        context_processors=[aiohttp_jinja2.request_processor],  # the views know their request
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # a changed view is read at the next start, and not looked for with each request
    )
    for folder in ("stylesheets", "javascripts"):
        app.router.add_static(f"/{folder}", HERE / "public" / folder)
    for page in (index, users, add, audit):
        app.add_routes(page.routes)
    app.cleanup_ctx.append(messages)
    return app


def main() -> None:
    observe()
    app = create_app()
    port = os.environ.get("WEBAPP_SERVICE_PORT", "3000")

    def announce(_: str) -> None:  # aiohttp calls it once, when the port is open
        print(f"listening at http://{HOST}:{port}", flush=True)

    try:
        web.run_app(app, host=HOST, port=int(port), print=announce)
    except (OSError, OverflowError, ValueError) as error:
        reason = os.strerror(error.errno) if getattr(error, "errno", None) else error
        sys.exit(f"cannot listen on port {port} ({reason}): set WEBAPP_SERVICE_PORT to a free one")


if __name__ == "__main__":
    main()
