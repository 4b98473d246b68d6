"""Mu: sends each message where its pattern leads, and brings the answer back."""

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from inspect import isawaitable
from operator import attrgetter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mu import packet as packets
from mu.deadlines import Deadlines
from mu.errors import (
    Closed,
    DeadlineExceeded,
    FrameworkError,
    MuError,
    NoRoute,
    Overloaded,
    ServiceError,
    of_handler,
)
from mu.gate import Gate
from mu.handlers import Context, Function, Handler, current
from mu.incoming import House, Incoming, refuse, remaining
from mu.lag import Lag
from mu.observing import observer_of
from mu.patterns import Entry, Message, Pattern, Table, check, shown
from mu.routes import Route, Routes
from mu.traces import Hop, Trace, hops_of
from mu.transport import Client, Packet, Postbox, Reply, Request, Server, described
from mu.workers import Workers

if TYPE_CHECKING:
    from mu.observer import Observed

log = logging.getLogger("mu")
MOST_SENDS = 10_000  # messages of `send` that may be under way


class Mu:
    """Routes messages by pattern, to handlers in this process and through transports to others.

    `name` appears in tables and pictures. `timeout`: seconds after which a dispatch ends at the latest, unless it says
    otherwise. `ttl`: how many processes may pass a message on. `dev`: errors that go to other processes carry the
    stack of where they happened.
    """

    def __init__(self, name: str = "", *, timeout: float = 10.0, ttl: int = 10, dev: bool = False) -> None:
        self.name = name
        self._timeout, self._ttl = positive(timeout), ttl
        self._table: Table[Handler | Client] = Table()
        self._inbounds: list[tuple[Pattern, Server]] = []
        self._deadlines, self._workers = Deadlines(), Workers()
        self._sends: set[asyncio.Task[None]] = set()
        self._lag = Lag()
        self._threads: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: list[Server] = []
        self._ending: asyncio.Task[None] | None = None
        self._counts = dict.fromkeys(("dispatched", "dispatch failed", "handled", "failed", "sends lost"), 0)
        self._house = House(self._deadlines, self._counts, dev, name)

    # Wiring -------------------------------------------------------------------------------------------------------

    def define(self, pattern: Pattern, handler: Function | None = None, *, thread: bool = False) -> Any:
        """Messages that fit the pattern go to the handler: async or plain, `f(args)` or `f(args, ctx)`.

        What it returns is the answer, what it raises the caller's `ServiceError`. `thread`: run this plain function in
        a thread, since it takes long or waits. Without a handler it is a decorator. Raises ValueError.
        """
        if handler is None:
            return partial(self._defined, pattern, thread=thread)
        return self._defined(pattern, handler, thread=thread)

    def _defined(self, pattern: Pattern, handler: Function, *, thread: bool) -> Function:
        self._table.add(pattern, Handler(handler, thread=thread, pool=self._pool))
        return handler

    def outbound(self, pattern: Pattern, client: Client) -> None:
        """Messages that fit the pattern leave by this transport. Raises ValueError."""
        if not isinstance(client, Client):
            raise ValueError(f"expected a client such as tcp.client(port=8080), found {client!r}")
        self._table.add(pattern, client)

    def inbound(self, pattern: Pattern, server: Server) -> None:
        """Messages from outside that fit the pattern are let in by this transport, once started. Raises ValueError."""
        if not isinstance(server, Server):
            raise ValueError(f"expected a server such as tcp.server(port=8080), found {server!r}")
        if self._started:
            raise ValueError("inbound comes before start")
        check(pattern)
        self._inbounds.append((pattern, server))

    # Life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open all inbound transports. Raises TransportError if one cannot be, after closing those that could."""
        self._enter()
        self._lag.start()
        try:
            for client in self._clients():
                await client.start()
            for pattern, server in self._inbounds:
                await server.start(partial(self._receive, Gate(pattern)))
                self._started.append(server)
        except BaseException:
            await self.tear_down(0)
            raise

    async def tear_down(self, grace: float = 5.0) -> None:
        """Take in nothing new, give what is under way up to `grace` seconds, then close everything.

        Whoever still waits for an answer gets `Closed` or `ConnectionLost`. A second call waits for the first.
        """
        self._enter(ending=True)
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(grace))
        await asyncio.shield(self._ending)

    async def _end(self, grace: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        await every(server.close(grace) for server in self._started)
        await self._workers.close(until - loop.time())
        if self._sends:
            await asyncio.wait(self._sends, timeout=max(0.0, until - loop.time()))
        for task in self._sends:
            task.cancel()
        await every(client.close() for client in self._clients())
        self._lag.stop()
        if self._threads:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.tear_down()

    async def serve(self) -> None:
        """Start, and run until cancelled; then tear down. `run(mu.serve())` is a whole service."""
        async with self:
            await asyncio.get_running_loop().create_future()

    # Messages -----------------------------------------------------------------------------------------------------

    async def dispatch(
        self,
        message: Message,
        timeout: float | None = None,  # noqa: ASYNC109
        *,
        hops: list[Hop] | None = None,
    ) -> Any:
        """Send the message where its pattern leads, and return the result.

        Ends within `timeout` seconds, or the default of this Mu; in a handler, also within the time that the message
        being handled has left. Raises a MuError: ServiceError if the handler failed, TransportError or FrameworkError
        if the message did not get there or the answer not back. `hops`: a list to which the message's way is added.
        """
        loop = self._enter()
        outer = current.get()
        self._counts["dispatched"] += 1
        seconds, now = self._timeout if timeout is None else positive(timeout), loop.time()
        if outer is not None and outer.deadline - now < seconds:
            seconds = outer.deadline - now
        deadline = now + seconds
        watch = self._deadlines.watch(deadline, asyncio.current_task(loop))
        request = observed = None
        try:
            entry = self._route(message)
            target, observer = entry.target, self._house.observer
            if observer is not None:
                observed = observer.dispatched(entry)
            request = Request(self._packet(message, seconds, outer, observed), deadline)
            if isinstance(target, Handler):
                request.sent = True
                return await self._handle(target, request)
            answer = await (target.request(request) if hops is None else self._traced(target, request, hops))
            return packets.result_of(answer)
        except MuError as error:
            self._dispatch_failed(error, observed)
            raise
        except asyncio.CancelledError as cancellation:
            if not watch.ended_it():
                self._dispatch_failed(cancellation, observed)
                raise
            late = DeadlineExceeded(
                f"expected an answer within the time allowed, found none: {route_shown(message)}",
                sent=request is not None and request.sent,
            )
            self._dispatch_failed(late, observed)
            raise late from None
        finally:
            watch.stop()
            if observed is not None:
                observed.end()

    def _dispatch_failed(self, error: BaseException, observed: "Observed | None") -> None:
        self._counts["dispatch failed"] += 1
        if observed is not None:
            observed.fail(error)

    async def _traced(self, target: Client, request: Request, hops: list[Hop]) -> Packet:
        began = time.time()
        request.packet["protocol"]["hops"] = []
        try:
            answer = await target.request(request)
            hops.extend(hops_of(answer))
        finally:
            hops.insert(0, Hop(str(self), str(target), began, time.time()))
        return answer

    async def trace(self, message: Message, timeout: float | None = None) -> Trace:  # noqa: ASYNC109
        """Dispatch the message, and return its way with the times, and the result or the MuError."""
        trace = Trace()
        try:
            trace.result = await self.dispatch(message, timeout, hops=trace.hops)
        except MuError as error:
            trace.error = error
        return trace

    def send(self, message: Message) -> None:
        """Send the message, and do not wait: failures go to the log. `tear_down` waits for it.

        Raises NoRoute, Closed, and Overloaded when too many are under way.
        """
        loop = self._enter()
        entry = self._route(message)
        if isinstance(entry.target, Postbox):
            self._post(message, entry, entry.target, loop.time() + self._timeout)
            return
        if len(self._sends) >= MOST_SENDS:
            self._counts["sends lost"] += 1
            raise Overloaded(f"expected fewer than {MOST_SENDS:,} messages under way by send, found that many")
        task = asyncio.create_task(self._send(message, entry))
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    def _post(self, message: Message, entry: "Entry[Any]", postbox: Postbox, deadline: float) -> None:
        observer = self._house.observer
        observed = None if observer is None else observer.sent(entry)
        try:
            postbox.post(Request(self._packet(message, self._timeout, current.get(), observed), deadline))
        except MuError as error:
            self._send_lost(error, observed)
            raise
        finally:
            if observed is not None:
                observed.end()

    async def _send(self, message: Message, entry: "Entry[Handler | Client]") -> None:
        """The message belongs to the trace of the one being handled, but not to its deadline."""
        outer, target, observer, observed = current.get(), entry.target, self._house.observer, None
        current.set(Context(outer.packet if outer else {"protocol": {}}, math.inf))
        try:
            if isinstance(target, Handler):
                await self.dispatch(message)
                return
            if observer is not None:
                observed = observer.sent(entry)
            packet, loop = self._packet(message, self._timeout, current.get(), observed), asyncio.get_running_loop()
            async with asyncio.timeout(self._timeout):
                answer = await target.send(Request(packet, loop.time() + self._timeout))
            if answer is not None:
                packets.result_of(answer)
        except (MuError, TimeoutError, asyncio.CancelledError) as error:
            self._send_lost(error, observed)
            log.warning("sent message failed: %s: %r", route_shown(message), error)
        finally:
            if observed is not None:
                observed.end()

    def _send_lost(self, error: BaseException, observed: "Observed | None") -> None:
        self._counts["sends lost"] += 1
        if observed is not None:
            observed.fail(error)

    def _route(self, message: Message) -> "Entry[Handler | Client]":
        if not isinstance(message, dict):
            raise FrameworkError(f"expected a message such as {{'role': 'basic'}}, found {message!r:.60}", sent=False)
        entry = self._table.find(message)
        if entry is None:
            raise NoRoute(self._no_route(message))
        return entry

    def _no_route(self, message: Message) -> str:
        known = "; ".join(shown(entry.pattern) for entry in itertools.islice(self._table, 5)) or "none"
        return f"no pattern fits {route_shown(message)}; defined are: {known}"

    def _packet(self, message: Message, seconds: float, outer: Context | None, observed: "Observed | None") -> Packet:
        traceparent = None if observed is None else observed.traceparent
        if traceparent is None:
            traceparent = packets.new_traceparent(outer.traceparent if outer else None)
        return packets.request(message, self._ttl, time.time() + seconds, traceparent)

    async def _handle(self, handler: Handler, request: Request) -> Any:
        context = Context(request.packet, request.deadline)
        token = current.set(context)
        try:
            result = handler.call(request.packet["pattern"], context)
            return await result if handler.waits or isawaitable(result) else result
        except ServiceError:
            raise
        except Exception as error:
            raise of_handler(error) from error
        finally:
            current.reset(token)

    def _receive(self, gate: Gate, packet: Packet, reply: Reply) -> None:
        """What every server calls with a request from outside."""
        pattern = packet["pattern"]
        entry = self._table.find(pattern)
        if entry is None or not gate.admits(pattern, entry):
            self._refuse(packet, reply, NoRoute(f"no pattern fits {route_shown(pattern)} at {self}"))
            return
        if self._ending and self._ending.done():
            self._refuse(packet, reply, Closed(f"{self} is shut down"))
            return
        seconds = remaining(packet["protocol"], self._timeout)
        if seconds <= 0:
            self._refuse(packet, reply, DeadlineExceeded("the time allowed was over on arrival", sent=False))
            return
        assert self._loop
        context = Context(packet, self._loop.time() + seconds)
        self._workers.submit(Incoming(entry, context, reply, self._house))

    def _refuse(self, packet: Packet, reply: Reply, error: MuError) -> None:
        refuse(reply, packets.refusal(packet, error, dev=self._house.dev))

    # What there is to see -----------------------------------------------------------------------------------------

    def routes(self) -> Routes:
        """All patterns and where they lead: a list that shows itself as a table in a terminal and in a notebook."""
        return self._routes(described)

    def _routes(self, words: Callable[[Client], str]) -> Routes:
        rows = [Route(self.name, "inbound", shown(pattern), str(server)) for pattern, server in self._inbounds]
        for entry in self._table:
            if isinstance(entry.target, Client):
                rows.append(Route(self.name, "outbound", shown(entry.pattern), words(entry.target)))
            else:
                rows.append(Route(self.name, "handler", shown(entry.pattern), str(entry.target)))
        return Routes(rows)

    def stats(self) -> dict[str, float]:
        """Counts since the beginning, and of what is under way now.

        `loop lag`: by how many seconds the event loop was late at most. Much more than 0 means that a handler blocks
        it: it should be async throughout, or be defined with `thread=True`.
        """
        return {
            **self._counts,
            "waiting": len(self._deadlines),
            "handling": len(self._workers),
            "sending": len(self._sends),
            "loop lag": round(self._lag.worst, 3),
        }

    def __str__(self) -> str:
        return self.name or "this process"

    # Inside -------------------------------------------------------------------------------------------------------

    def _enter(self, *, ending: bool = False) -> asyncio.AbstractEventLoop:
        """The event loop. Raises Closed after tear_down, except for what handlers that are still at work send."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise FrameworkError("a Mu belongs to the event loop it was first used in: make another", sent=False)
            self._loop = loop
            routes = partial(self._routes, attrgetter("label"))
            self._house.observer = observer_of(str(self), self.stats, routes, self._table)
        if self._ending and not ending and (self._ending.done() or current.get() is None):
            raise Closed(f"{self} is shut down: make another Mu")
        return loop

    def _clients(self) -> list[Client]:
        return [entry.target for entry in self._table if isinstance(entry.target, Client)]

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(thread_name_prefix=f"mu {self.name}".strip())
        return self._threads


async def every(closing: Any) -> None:
    """Wait for all, whichever fail; those that do are bugs for the log."""
    for result in await asyncio.gather(*closing, return_exceptions=True):
        if isinstance(result, Exception):
            log.error("while closing: %r", result, exc_info=result)


def positive(seconds: float) -> float:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        raise FrameworkError(f"expected a number of seconds above 0 as timeout, found {seconds!r}", sent=False)
    return seconds


def route_shown(message: Message) -> str:
    """What is short and plain in a message, by which it is routed: enough to find it by, no more."""
    plain = {key: value for key, value in message.items() if isinstance(value, str | int | float)}
    return shown(dict(itertools.islice(plain.items(), 4))).replace("\n", " ")[:120] or "an empty message"
