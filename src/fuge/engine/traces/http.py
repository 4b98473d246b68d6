"""The listener for traces and metrics: OTLP over HTTP, for programs on this machine and no page in a browser."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from fuge.engine.metrics import otlp as metrics
from fuge.engine.metrics.board import Board
from fuge.engine.traces import otlp as traces
from fuge.engine.traces.messages import JSON, PROTOBUF
from fuge.engine.traces.span import Span
from fuge.engine.traces.unpacking import LONGEST, Refused, too_long
from fuge.engine.traces.writer import Writer
from fuge.services.threads import in_thread

TRACES, METRICS = "/v1/traces", "/v1/metrics"
MOST_CONNECTIONS = 200  # each process has one for traces and one for metrics
MOST_AT_ONCE = 4  # bodies that are read and unpacked
PATIENCE = 10.0  # seconds for a body to come
IDLE = 60.0  # seconds without a request, after which a connection is closed; exporters send every 5
LINGER = 1.0  # seconds for the rest of a body that is refused, so that the answer is read
LAST_ANSWERS = 1.0  # seconds, when it closes
NAMES = {"127.0.0.1", "localhost"}  # under another one, a page of somebody else's can lead here (DNS rebinding)
NO_OTHERS = f"expected POST {TRACES} or {METRICS}: fuge keeps no other logs than output (OTEL_LOGS_EXPORTER=none)"
SILENT = logging.Logger("traces", logging.CRITICAL)  # aiohttp's: of bad bytes it would log a traceback, where fuge runs
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Read = TypeVar("Read")


class Http:
    """Passes the spans of requests on to a writer, measurements to a board, and answers with what became of them."""

    def __init__(self, writer: Writer, board: Board) -> None:
        self._writer, self._board = writer, board
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)
        application = web.Application(middlewares=[refusals, no_browser], client_max_size=LONGEST)
        application.router.add_post(TRACES, self._traces)
        application.router.add_post(METRICS, self._metrics)
        application.router.add_route("*", "/{path:.*}", not_here)
        times: dict[str, Any] = {"keepalive_timeout": IDLE, "lingering_time": LINGER, "shutdown_timeout": LAST_ANSWERS}
        self._runner = web.AppRunner(application, access_log=None, logger=SILENT, auto_decompress=False, **times)

    async def listen(self, host: str, port: int) -> None:
        """Raises OSError if the address is taken."""
        await self._runner.setup()
        try:
            self._listener = await asyncio.get_running_loop().create_server(self._protocol, host, port)
        except OSError:
            await self._runner.cleanup()
            raise

    async def close(self) -> None:
        self._listener.close()
        await self._runner.cleanup()

    def _protocol(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if server is None or len(server.connections) >= MOST_CONNECTIONS:
            return Surplus()
        return server()

    async def _traces(self, request: web.Request) -> web.Response:
        (spans, faulty), weight = await self._read(request, traces.read)
        dropped, reason = self._pass_on(spans, faulty, weight)
        kind = request.content_type
        return web.Response(body=traces.answer(kind, dropped, reason), content_type=kind)

    async def _metrics(self, request: web.Request) -> web.Response:
        (points, faulty), _ = await self._read(request, metrics.read)
        without_room = self._board.put(points, time.monotonic())
        reasons = [f"{faulty} points with numbers or buckets that are none"] if faulty else []
        reasons += [f"{without_room} points of series that there is no room for"] if without_room else []
        kind = request.content_type
        return web.Response(body=metrics.answer(kind, faulty + without_room, "; ".join(reasons)), content_type=kind)

    async def _read(self, request: web.Request, read: Callable[[bytes, str, str], Read]) -> tuple[Read, int]:
        """What is in its body, and how many bytes that has. Raises Refused."""
        kind = request.content_type
        if kind not in (PROTOBUF, JSON):
            raise Refused(415, f"expected Content-Type {PROTOBUF} or {JSON}, found {kind[:80]!r}")
        async with self._at_once:
            body = await body_of(request)
            encoding = request.headers.get("Content-Encoding", "").strip().lower()
            return await in_thread(partial(read, body, encoding, kind)), len(body)

    def _pass_on(self, spans: Sequence[Span], faulty: int, weight: int) -> tuple[int, str]:
        """How many are dropped, and why."""
        reasons, dropped = [], faulty
        if faulty:
            self._writer.drop(faulty)
            reasons.append(f"expected 16 and 8 bytes as the ids of trace and span, found others in {faulty} spans")
        if spans and not self._writer.put(spans, weight):
            dropped += len(spans)
            reasons.append(f"spans come faster than they can be written: {len(spans)} are dropped")
        return dropped, "; ".join(reasons)


class Surplus(asyncio.Protocol):
    """A connection above the bound: closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def body_of(request: web.Request) -> bytes:
    """Raises Refused."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await request.read()
    except TimeoutError:
        raise Refused(408, f"expected the body within {PATIENCE:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise too_long() from None
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Refused(400, f"expected a whole body: {error}") from None


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What is refused is answered in words."""
    try:
        return await handler(request)
    except Refused as refused:
        return web.Response(status=refused.status, text=f"{refused}\n")


@web.middleware
async def no_browser(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser says by which name it has come here, and which page sends it."""
    name = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
    if name.lower() not in NAMES:
        raise Refused(403, f"expected a Host of this machine, found {name[:80]!r}")
    if "Origin" in request.headers:
        raise Refused(403, f"expected no page in a browser, found the Origin {request.headers['Origin'][:80]!r}")
    return await handler(request)


async def not_here(request: web.Request) -> web.Response:
    if request.path in (TRACES, METRICS):
        raise Refused(405, f"expected POST, found {request.method[:20]!r}")
    raise Refused(404, f"{NO_OTHERS}; found {request.path[:80]!r}")
