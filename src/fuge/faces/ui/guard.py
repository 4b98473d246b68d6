"""Who may see the page: whoever has its address, by a browser on this machine, and no other site in that browser."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

LOOPBACK = {"127.0.0.1", "localhost"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address of the first load has the token
    "X-Content-Type-Options": "nosniff",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Makes a token, and lets requests pass that have it: in the address of the page once, then in a cookie.

    A browser sends the cookies of a host to each of its ports, so that the cookie's name has the port in it.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self._cookie = f"fuge-ui-{port}"

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if name_of(request.host) not in LOOPBACK:
            return refused(
                f"expected the host 127.0.0.1 or localhost, found {request.host!r}: use the address as it is"
            )
        changes = request.method not in ("GET", "HEAD") or "Upgrade" in request.headers
        origin = request.headers.get("Origin")
        if origin != f"http://{request.host}" and (changes or origin is not None):
            return refused(f"expected a request by fuge's own page, found the origin {origin!r}: use that page")
        given = request.query.get("token", "") if request.path == "/" else ""
        if not any(map(self._is_right, (given, request.cookies.get(self._cookie, "")))):
            return refused(
                "expected the token of this page, found none or an old one: open the address that fuge has printed"
            )
        response = await handler(request)
        if given and self._is_right(given):
            response.set_cookie(self._cookie, given, httponly=True, samesite="Strict")
        return response

    def _is_right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(errors="replace"), self.token.encode())


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """To every answer, refusals too."""
    response.headers.update(HEADERS)


def name_of(host: str) -> str:
    """The host without its port; "" for what is none."""
    try:
        return urlsplit(f"http://{host}").hostname or ""
    except ValueError:
        return ""


def refused(text: str) -> web.Response:
    return web.Response(status=403, text=f"{text}\n")
