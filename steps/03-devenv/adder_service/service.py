"""The adder: GET /add/{first}/{second} answers the sum of two integers as text."""

import os
import re
import sys

from aiohttp import web

HOST = "127.0.0.1"
MAX_DIGITS = 100
MAX_REQUEST_LINE = 256 * 1024  # bytes: room to answer a number that is far too long with a clear 400


def integer(name: str, text: str) -> int:
    """The number in `text`; a ValueError names the field, what was expected and what was found."""
    if re.fullmatch(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}", text):
        return int(text)
    found = repr(text) if len(text) <= 30 else f"{text[:30]!r}... ({len(text)} characters)"
    raise ValueError(f"{name}: expected an integer of at most {MAX_DIGITS} digits, found {found}")


def add(first: str, second: str) -> int:
    return integer("first", first) + integer("second", second)


async def respond(request: web.Request) -> web.Response:
    try:
        result = add(request.match_info["first"], request.match_info["second"])
    except ValueError as error:
        return web.Response(status=400, text=str(error))
    print(f"the sum is {result}", flush=True)
    return web.Response(text=str(result))


def main() -> None:
    app = web.Application()
    app.router.add_get("/add/{first:[^/]*}/{second:[^/]*}", respond)
    port = os.environ.get("ADDER_SERVICE_SERVICE_PORT", "8080")

    def announce(_: str) -> None:  # aiohttp calls it once, when the port is open
        print(f"listening at http://{HOST}:{port}", flush=True)

    try:
        web.run_app(app, host=HOST, port=int(port), print=announce, max_line_size=MAX_REQUEST_LINE)
    except (OSError, OverflowError, ValueError) as error:
        reason = os.strerror(error.errno) if getattr(error, "errno", None) else error
        sys.exit(f"cannot listen on port {port} ({reason}): set ADDER_SERVICE_SERVICE_PORT to a free one")


if __name__ == "__main__":
    main()
