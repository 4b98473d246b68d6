"""Serves the page and its data, on this machine alone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import WSCloseCode, web

from fuge import ports
from fuge.errors import FugeError
from fuge.faces.session import Session
from fuge.faces.ui import details, metrics, traces
from fuge.faces.ui.feed import Feed
from fuge.faces.ui.guard import Guard, add_headers
from fuge.faces.ui.tab import Tab

HOST = "127.0.0.1"
PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
OPERATIONS = ("start", "stop", "restart")
MOST = 64 * 1024  # bytes of a request
HEARTBEAT = 20  # seconds: a tab that has gone without a word is noticed
LAST_ANSWERS = 1  # seconds that those who wait for one get at the end
Answer = Callable[[web.Request], Awaitable[Any]]


class Server:
    """`async with Server(session, port) as server:` serves at `server.address`. Port 0 is a free one.

    Raises FugeError when the port is taken.
    """

    def __init__(self, session: Session, port: int = 0) -> None:
        self._session, self._port = session, port
        self._feed = Feed(session)
        self._sockets: set[web.WebSocketResponse] = set()

    async def __aenter__(self) -> Self:
        port = self._port or next(iter(ports.free(1)), 0)
        self._guard = Guard(port)
        self.address = f"http://{HOST}:{port}/?token={self._guard.token}"
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=LAST_ANSWERS)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise FugeError(f"expected a free port, found {port} {taken(port, error)}: choose another one") from None
        self._feeding = asyncio.create_task(self._feed.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._feeding.cancel()
        await self._runner.cleanup()
        await asyncio.wait([self._feeding])

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard.middleware], client_max_size=MOST)
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._let_go)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/page/{name}", self._page),
                web.get("/api/live", self._live),
                web.post("/api/services", data(self._do)),
                web.post("/api/faults", data(self._put)),
                web.get("/api/services/{name}", data(self._detail)),
                web.get("/api/zone", data(self._zone)),
                web.get("/api/services/{name}/metrics", data(self._metrics)),
                web.get("/api/traces", data(self._traces)),
                web.get("/api/traces/{id}", data(self._trace)),
            ]
        )
        return app

    async def _page(self, request: web.Request) -> web.Response:
        file = PAGE / request.match_info.get("name", "index.html")
        if file.parent != PAGE or file.suffix not in TYPES or not file.is_file():
            raise web.HTTPNotFound(text="expected a part of the page, found no such file: load the page anew\n")
        return web.Response(body=file.read_bytes(), content_type=TYPES[file.suffix], charset="utf-8")

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        """What a tab shows, and what changes of it, until the tab is closed."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MOST)
        await socket.prepare(request)
        self._sockets.add(socket)
        tasks = [asyncio.create_task(each) for each in (Tab(self._feed).tell(socket), end_of(socket))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sockets.discard(socket)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await socket.close()
        return socket

    async def _do(self, request: web.Request) -> Any:
        """{"operation": "start", "services": [...]}: what the command does."""
        asked = await request.json()
        operation = asked["operation"]
        if operation not in OPERATIONS:
            raise ValueError
        return {"results": await self._session.call(operation, words=named(asked["services"]))}

    async def _put(self, request: web.Request) -> Any:
        """{"fault": {"latency": 0.8}, "services": [...]}: as `fuge fault` does; null takes it away."""
        asked = await request.json()
        words = named(asked["services"])
        if asked["fault"] is None:
            return {"results": await self._session.call("clear_faults", words=words)}
        return {"results": await self._session.call("set_fault", words=words, fault=asked["fault"])}

    async def _detail(self, request: web.Request) -> Any:
        return await details.of(self._session, request.match_info["name"])

    async def _zone(self, _: web.Request) -> Any:
        return await self._session.call("zone")

    async def _metrics(self, request: web.Request) -> Any:
        return await metrics.of(self._session, request.match_info["name"])

    async def _traces(self, _: web.Request) -> Any:
        return await traces.recent(self._session)

    async def _trace(self, request: web.Request) -> Any:
        return await traces.one(self._session, request.match_info["id"])

    async def _let_go(self, _: web.Application) -> None:
        closing = [asyncio.create_task(each.close(code=WSCloseCode.GOING_AWAY)) for each in self._sockets]
        if closing:
            left = (await asyncio.wait(closing, timeout=LAST_ANSWERS))[1]
            for task in left:  # a tab that does not read
                task.cancel()
            await asyncio.gather(*closing, return_exceptions=True)


def named(words: Any) -> list[str]:
    """The services that a request names. Raises ValueError if it names none."""
    if not words or not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError
    return words


async def end_of(socket: web.WebSocketResponse) -> None:
    """Return when the tab has gone. It has nothing to say."""
    async for _ in socket:
        pass


def data(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What a handler returns, as JSON; what it raises, as {"error": text} with a status that says whose fault it is."""

    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(await answer(request))
        except FugeError as error:
            return web.json_response({"error": str(error)}, status=409)
        except (ValueError, KeyError, TypeError):
            doing = f'"operation": one of {", ".join(OPERATIONS)}'
            fault = '"fault": such as {"latency": 0.8}, or null'
            expected = f'expected {{{doing}}} or {{{fault}}}, with "services": [names]; found something else'
            return web.json_response({"error": expected}, status=400)

    return handler


def taken(port: int, error: OSError) -> str:
    if ports.is_free(port):
        return f"that cannot be used ({error.strerror})"
    return f"taken by {ports.describe(ports.holder(port))}"
