"""Messages within one process: handlers, deadlines, errors, life of a Mu."""

import asyncio
import contextlib
import logging
import threading
import time
from typing import Any

import pytest

from mu import (
    Closed,
    Context,
    DeadlineExceeded,
    FrameworkError,
    Mu,
    MuError,
    NoRoute,
    Overloaded,
    ServiceError,
    local,
)
from mu import mu as mu_module

ADD = {"role": "basic", "cmd": "add"}


async def add(args: dict[str, Any]) -> Any:
    return args["first"] + args["second"]


def adder() -> Mu:
    mu = Mu("adder")
    mu.define(ADD, add)
    return mu


async def test_a_message_gets_its_result() -> None:
    assert await adder().dispatch({**ADD, "first": 1, "second": 2}) == 3


async def test_define_is_a_decorator_too() -> None:
    mu = Mu()

    @mu.define({"cmd": "double"})
    def double(args: dict[str, Any]) -> Any:
        return 2 * args["n"]

    assert double({"n": 1}) == 2
    assert await mu.dispatch({"cmd": "double", "n": 4}) == 8


async def test_a_handler_may_ask_for_the_context() -> None:
    mu = Mu()

    @mu.define({"cmd": "look"})
    async def look(args: dict[str, Any], ctx: Context) -> Any:
        assert ctx.packet["pattern"] == args
        return [ctx.id, ctx.remaining, ctx.trace, ctx.traceparent]

    name, remaining, trace, traceparent = await mu.dispatch({"cmd": "look"}, timeout=5)
    assert name == trace[0]
    assert 4 < remaining <= 5
    assert traceparent.startswith("00-")
    assert len(traceparent) == 55
    other, *_ = await mu.dispatch({"cmd": "look"})
    assert other != name


@pytest.mark.parametrize(
    ("function", "takes"),
    [
        (lambda args: 0, False),
        (lambda args, ctx: 0, True),
        (lambda args, context: 0, True),
        (lambda args, ctx=None: 0, True),
        (lambda args, n=5: 0, False),
        (lambda *args: 0, False),
        (dict, False),
    ],
)
def test_which_handlers_get_the_context(function: Any, takes: bool) -> None:
    from mu.handlers import takes_context

    assert takes_context(function) is takes


@pytest.mark.parametrize("function", [lambda: 0, lambda a, b, c: 0, lambda a, *, b: 0])
def test_what_is_no_handler_is_refused(function: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a handler f\(args\) or f\(args, ctx\), found"):
        Mu().define({}, function)


def test_wiring_mistakes_are_refused_at_once() -> None:
    mu: Any = Mu()
    with pytest.raises(ValueError, match="expected a function as handler, found 5"):
        mu.define({}, 5)
    with pytest.raises(ValueError, match="expected a client such as"):
        mu.outbound({}, local.server(name="x"))
    with pytest.raises(ValueError, match="expected a server such as"):
        mu.inbound({}, local.client(name="x"))
    with pytest.raises(ValueError, match="expected a pattern"):
        mu.inbound("basic", local.server(name="x"))
    with pytest.raises(ValueError, match="thread=True is for plain functions"):
        mu.define({}, add, thread=True)


async def test_no_route_names_the_message_and_what_there_is() -> None:
    with pytest.raises(
        NoRoute, match=r"no pattern fits role: basic, cmd: sub; defined are: role: basic, cmd: add"
    ) as raised:
        await adder().dispatch({"role": "basic", "cmd": "sub"})
    assert not raised.value.sent


@pytest.mark.parametrize("message", [None, "add", 5, [1]])
async def test_what_is_no_message_is_refused(message: Any) -> None:
    with pytest.raises(FrameworkError, match="expected a message such as"):
        await adder().dispatch(message)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", True])
async def test_what_is_no_timeout_is_refused(seconds: Any) -> None:
    with pytest.raises(FrameworkError, match="expected a number of seconds above 0"):
        await adder().dispatch({**ADD, "first": 1, "second": 2}, timeout=seconds)


async def test_what_a_handler_raises_is_a_service_error() -> None:
    mu = Mu()

    @mu.define({"cmd": "fail"})
    def fail(args: dict[str, Any]) -> Any:
        raise args["error"]

    with pytest.raises(ServiceError, match="^bang$") as raised:
        await mu.dispatch({"cmd": "fail", "error": ValueError("bang")})
    assert isinstance(raised.value.__cause__, ValueError)
    with pytest.raises(ServiceError, match="^KeyError$"):
        await mu.dispatch({"cmd": "fail", "error": KeyError()})
    with pytest.raises(ServiceError, match="nope") as raised:
        await mu.dispatch({"cmd": "fail", "error": ServiceError("nope", status=404, data=[1])})
    assert (raised.value.status, raised.value.data) == (404, [1])
    with pytest.raises(ServiceError, match="NoRoute: far away") as raised:
        await mu.dispatch({"cmd": "fail", "error": NoRoute("far away")})
    assert raised.value.sent


async def test_a_dispatch_ends_at_its_deadline() -> None:
    mu = Mu(timeout=0.05)
    cancelled = asyncio.Event()

    @mu.define({"cmd": "sleep"})
    async def sleep(args: dict[str, Any]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    for timeout in (None, 0.02):
        with pytest.raises(
            DeadlineExceeded, match="expected an answer within the time allowed, found none: cmd: sleep"
        ) as raised:
            await mu.dispatch({"cmd": "sleep"}, timeout=timeout)
        assert raised.value.sent
        assert cancelled.is_set()
    assert mu.stats()["waiting"] == 0


async def test_a_cancelled_dispatch_is_a_cancellation() -> None:
    mu = Mu()
    mu.define({}, lambda args: asyncio.sleep(60))
    task = asyncio.create_task(mu.dispatch({}))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert mu.stats()["waiting"] == 0


async def test_asyncio_timeout_around_a_dispatch_is_kept() -> None:
    mu = Mu()
    mu.define({}, lambda args: asyncio.sleep(60))
    with pytest.raises(TimeoutError) as raised:
        async with asyncio.timeout(0.02):
            await mu.dispatch({})
    assert not isinstance(raised.value, MuError)


async def test_a_handler_inherits_deadline_and_trace_to_what_it_asks() -> None:
    mu = Mu(timeout=60)
    seen: list[Any] = []

    @mu.define({"cmd": "outer"})
    async def outer(args: dict[str, Any], ctx: Context) -> Any:
        seen.append((ctx.remaining, str(ctx.traceparent).split("-")))
        return await mu.dispatch({"cmd": "inner"}, timeout=30)

    @mu.define({"cmd": "inner"})
    def inner(args: dict[str, Any], ctx: Context) -> None:
        seen.append((ctx.remaining, str(ctx.traceparent).split("-")))

    await mu.dispatch({"cmd": "outer"}, timeout=2)
    (first, outer_trace), (second, inner_trace) = seen
    assert first <= 2
    assert second <= first
    assert outer_trace[1] == inner_trace[1]
    assert outer_trace[2] != inner_trace[2]


async def test_a_thread_handler_does_not_hold_up_the_loop() -> None:
    mu = Mu()
    mu.define({"cmd": "block"}, lambda args: (time.sleep(0.2), threading.current_thread().name)[1], thread=True)
    mu.define(ADD, add)
    blocked = asyncio.create_task(mu.dispatch({"cmd": "block"}))
    await asyncio.sleep(0)
    began = time.monotonic()
    assert await mu.dispatch({**ADD, "first": 1, "second": 2}) == 3
    assert time.monotonic() - began < 0.15
    assert (await blocked).startswith("mu")
    await mu.tear_down()


async def test_send_does_not_wait_and_tear_down_does() -> None:
    mu, done = Mu(), []

    @mu.define({"cmd": "record"})
    async def record(args: dict[str, Any]) -> None:
        await asyncio.sleep(0.02)
        done.append(args["n"])

    for number in range(20):
        mu.send({"cmd": "record", "n": number})
    assert done == []
    await mu.tear_down()
    assert sorted(done) == list(range(20))


async def test_a_failed_send_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    mu = Mu()
    mu.define({"cmd": "fail"}, lambda args: 1 / 0)
    mu.send({"cmd": "fail"})
    await mu.tear_down()
    assert "sent message failed: cmd: fail: ServiceError('division by zero')" in caplog.text
    assert mu.stats()["sends lost"] == 1


async def test_send_says_at_once_what_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    mu = Mu()
    mu.define({"cmd": "wait"}, lambda args: asyncio.sleep(0.01))
    with pytest.raises(NoRoute):
        mu.send({"cmd": "unheard"})
    monkeypatch.setattr(mu_module, "MOST_SENDS", 3)
    for _ in range(3):
        mu.send({"cmd": "wait"})
    with pytest.raises(Overloaded, match="expected fewer than 3 messages under way by send"):
        mu.send({"cmd": "wait"})
    await mu.tear_down()
    with pytest.raises(Closed):
        mu.send({"cmd": "wait"})


async def test_a_send_of_a_handler_outlives_its_deadline_and_keeps_its_trace() -> None:
    mu, seen = Mu(), []

    @mu.define({"cmd": "outer"})
    async def outer(args: dict[str, Any], ctx: Context) -> None:
        seen.append(str(ctx.traceparent)[3:35])
        mu.send({"cmd": "slow"})

    @mu.define({"cmd": "slow"})
    async def slow(args: dict[str, Any], ctx: Context) -> None:
        await asyncio.sleep(0.1)
        seen.append(str(ctx.traceparent)[3:35])

    await mu.dispatch({"cmd": "outer"}, timeout=0.05)
    await mu.tear_down()
    assert len(seen) == 2
    assert seen[0] == seen[1]


async def test_after_tear_down_it_is_closed() -> None:
    mu = adder()
    async with mu:
        assert await mu.dispatch({**ADD, "first": 1, "second": -1}) == 0
    with pytest.raises(Closed, match="adder is shut down: make another Mu"):
        await mu.dispatch({**ADD, "first": 1, "second": 2})
    await mu.tear_down()


def test_a_mu_belongs_to_one_event_loop() -> None:
    mu = adder()
    assert asyncio.run(mu.dispatch({**ADD, "first": 1, "second": 2})) == 3
    with pytest.raises(FrameworkError, match="belongs to the event loop"):
        asyncio.run(mu.dispatch({**ADD, "first": 1, "second": 2}))


async def test_routes_are_data_and_a_table() -> None:
    mu = adder()
    mu.inbound({"role": "basic", "cmd": "*"}, local.server(name="adder"))
    mu.outbound({"role": "audit"}, local.client(name="audit"))
    routes = mu.routes()
    assert [(each.mu, each.kind, each.pattern, each.target) for each in routes] == [
        ("adder", "inbound", "role: basic, cmd: *", "local adder"),
        ("adder", "handler", "role: basic, cmd: add", f"{__name__}.add"),
        ("adder", "outbound", "role: audit", "local audit"),
    ]
    assert str(routes).splitlines()[0] == "at     kind      pattern                leads to"
    assert "<td>role: basic, cmd: *</td>" in routes._repr_html_()
    assert len(routes + Mu("web").routes()) == 3


async def test_stats_count() -> None:
    mu = adder()
    await mu.dispatch({**ADD, "first": 1, "second": 2})
    with contextlib.suppress(NoRoute):
        await mu.dispatch({})
    stats = mu.stats()
    assert (stats["dispatched"], stats["dispatch failed"], stats["waiting"], stats["sending"]) == (2, 1, 0, 0)


async def test_a_trace_shows_the_hops() -> None:
    back, middle, front = adder(), Mu("middle"), Mu("front")
    back.inbound("*", local.server(name="back"))
    middle.inbound("*", local.server(name="middle"))
    middle.outbound({"role": "basic"}, local.client(name="back"))
    front.outbound({"role": "basic"}, local.client(name="middle"))
    async with back, middle, front:
        trace = await front.trace({**ADD, "first": 1, "second": 2})
        assert trace.result == 3
        assert [hop.at for hop in trace.hops] == ["front", "middle", "adder"]
        assert [hop.to for hop in trace.hops] == ["local middle", "local back", f"{__name__}.add"]
        for outer, inner in zip(trace.hops, trace.hops[1:], strict=False):
            assert outer.began <= inner.began <= inner.ended <= outer.ended
        assert str(trace).splitlines()[-1] == "result: 3"
        failed = await front.trace({**ADD, "first": 1})
        assert [hop.at for hop in failed.hops] == ["front", "middle", "adder"]
        assert isinstance(failed.error, ServiceError)
        assert "ServiceError" in str(failed)


async def test_what_passes_locally_passes_as_json() -> None:
    mu, caller = Mu(), Mu()
    mu.define({"cmd": "echo"}, lambda args: args["what"])
    mu.inbound("*", local.server(name="echo"))
    caller.outbound("*", local.client(name="echo"))
    async with mu, caller:
        for what in (0, "", False, None, [], {}, {"a": [1, None]}, "é", 10**50, 1.5):
            found = await caller.dispatch({"cmd": "echo", "what": what})
            assert found == what
            assert type(found) is type(what)
        assert await caller.dispatch({"cmd": "echo", "what": (1, 2)}) == [1, 2]
        with pytest.raises(MuError, match="expected text, numbers"):
            await caller.dispatch({"cmd": "echo", "what": object()})


async def test_a_blocked_loop_shows() -> None:
    async with adder() as mu:
        assert mu.stats()["loop lag"] < 0.2
        await asyncio.sleep(0.05)
        time.sleep(0.4)  # noqa: ASYNC251
        await asyncio.sleep(0.15)
        assert mu.stats()["loop lag"] >= 0.2


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mu")
