"""Spans of what a Mu does, with the real OpenTelemetry SDK."""

import asyncio
import re

import pytest
from mu_fakes import until
from mu_spans_seen import Seen, is_child, watch, watch_spans
from opentelemetry import context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracer, SpanKind, StatusCode

from fuge import ports
from mu import DeadlineExceeded, Mu, MuError, NoRoute, ServiceError, outbox, tcp


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return watch_spans(monkeypatch)


def adder(port: int) -> Mu:
    mu = Mu("adder")

    @mu.define({"role": "basic", "cmd": "add"})
    def add(args: dict[str, int]) -> int:
        return args["first"] + args["second"]

    @mu.define({"role": "basic", "cmd": "fail"})
    def fail(_: object) -> None:
        raise ValueError("the secret is 42")

    @mu.define({"role": "basic", "cmd": "wait"})
    async def wait(_: object) -> None:
        await asyncio.sleep(60)

    mu.inbound({"role": "basic", "cmd": "*"}, tcp.server(port=port))
    return mu


def told(span: ReadableSpan) -> tuple[str, SpanKind, object]:
    return span.name, span.kind, (span.attributes or {})["mu.at"]


async def test_dispatch_is_a_span_and_the_handler_of_another_process_its_child(seen: Seen) -> None:
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        assert await webapp.dispatch({"role": "basic", "cmd": "add", "first": 1, "second": 2}) == 3
    dispatched, handled = seen()
    assert told(dispatched) == ("role: basic", SpanKind.CLIENT, "webapp")
    assert told(handled) == ("role: basic, cmd: add", SpanKind.SERVER, "adder")
    assert dispatched.parent is None
    assert is_child(handled, dispatched)
    assert (dispatched.attributes or {})["mu.target"] == f"tcp 127.0.0.1:{port}"
    assert {dispatched.status.status_code, handled.status.status_code} == {StatusCode.UNSET}


async def test_what_a_handler_dispatches_is_a_child_of_its_span(seen: Seen) -> None:
    port, front_port = ports.free(2)
    front = Mu("front")
    front.outbound({"role": "basic"}, tcp.client(port=port))

    @front.define({"role": "twice"})
    async def twice(args: dict[str, int]) -> int:
        half = {"role": "basic", "cmd": "add", "first": args["of"], "second": 0}
        return sum([await front.dispatch(half), await front.dispatch(half)])

    front.inbound({"role": "twice"}, tcp.server(port=front_port))
    async with adder(port), front, Mu("client") as client:
        client.outbound({"role": "twice"}, tcp.client(port=front_port))
        assert await client.dispatch({"role": "twice", "of": 4}) == 8
    root, handled, first, first_sum, second, second_sum = seen()
    assert is_child(handled, root)
    assert is_child(first, handled)
    assert is_child(second, handled)
    assert is_child(first_sum, first)
    assert is_child(second_sum, second)


async def test_process_that_passes_a_message_on_is_a_span_between(seen: Seen) -> None:
    port, gate_port = ports.free(2)
    gate = Mu("gate")
    gate.outbound({"role": "basic"}, tcp.client(port=port))
    gate.inbound({"role": "basic"}, tcp.server(port=gate_port))
    async with adder(port), gate, Mu("client") as client:
        client.outbound({"role": "basic"}, tcp.client(port=gate_port))
        assert await client.dispatch({"role": "basic", "cmd": "add", "first": 1, "second": 2}) == 3
    dispatched, passed, handled = seen()
    assert told(passed) == ("role: basic", SpanKind.SERVER, "gate")
    assert is_child(passed, dispatched)
    assert is_child(handled, passed)


async def test_error_of_a_handler_is_told_by_its_kind_and_without_its_text(seen: Seen) -> None:
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        with pytest.raises(ServiceError):
            await webapp.dispatch({"role": "basic", "cmd": "fail"})
    for span, kind in zip(seen(), ("ServiceError", "ValueError"), strict=True):
        assert span.status.status_code == StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == kind
        assert "secret" not in span.to_json()


@pytest.mark.parametrize(
    ("message", "seconds", "error"),
    [
        ({"role": "basic", "cmd": "wait"}, 0.05, DeadlineExceeded),
        ({"role": "basic", "cmd": "none"}, 5, NoRoute),
    ],
)
async def test_dispatch_that_fails_is_a_failed_span(
    seen: Seen, message: dict[str, str], seconds: float, error: type[MuError]
) -> None:
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        with pytest.raises(error):
            await webapp.dispatch(message, seconds)
    first = seen()[0]
    assert first.name == "role: basic"
    assert first.status.status_code == StatusCode.ERROR
    assert (first.attributes or {})["error.type"] == error.__name__


async def test_dispatch_that_is_cancelled_is_a_failed_span(seen: Seen) -> None:
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        waiting = asyncio.create_task(webapp.dispatch({"role": "basic", "cmd": "wait"}))
        await until(lambda: webapp.stats()["waiting"])
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert (seen()[0].attributes or {})["error.type"] == "CancelledError"


@pytest.mark.parametrize("kept", [False, True])
async def test_sent_message_is_a_span_that_ends_before_its_handler(seen: Seen, kept: bool) -> None:
    port, handled = ports.free(1)[0], asyncio.Event()
    receiver = Mu("events")
    receiver.define({"role": "events"}, lambda _: handled.set())
    receiver.inbound({"role": "events"}, tcp.server(port=port))
    async with receiver, Mu("webapp") as webapp:
        client = tcp.client(port=port)
        webapp.outbound({"role": "events"}, outbox(client) if kept else client)
        webapp.send({"role": "events", "url": "/"})
        await asyncio.wait_for(handled.wait(), 10)
    sent, received = seen()
    assert told(sent) == ("role: events", SpanKind.PRODUCER, "webapp")
    assert is_child(received, sent)


async def test_nothing_stays_current_after_a_dispatch(seen: Seen) -> None:
    async with Mu("here") as mu:
        mu.define({"cmd": "one"}, lambda _: 1)
        await mu.dispatch({"cmd": "one"})
        await mu.dispatch({"cmd": "one"})
    assert not context.get_current()
    first, second = seen()
    assert first.parent is None
    assert second.parent is None


async def test_sampler_that_takes_none_is_told_to_the_next_process(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, port = watch_spans(monkeypatch, ALWAYS_OFF), ports.free(1)[0]
    service, found = Mu("service"), []
    service.define({"cmd": "look"}, lambda _, ctx: found.append(ctx.traceparent))
    service.inbound({"cmd": "look"}, tcp.server(port=port))
    async with service, Mu("client") as client:
        client.outbound({"cmd": "look"}, tcp.client(port=port))
        await client.dispatch({"cmd": "look"})
        await client.dispatch({"cmd": "look"})
    assert seen() == []
    assert [int(traceparent[-2:], 16) & 1 for traceparent in found] == [0, 0]  # W3C's flag "sampled"
    assert found[0] != found[1]


async def test_tracing_that_is_turned_off_leaves_each_message_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, NoOpTracer())
    port, found = ports.free(1)[0], list[str]()
    service = Mu("service")
    service.define({"cmd": "look"}, lambda _, ctx: found.append(ctx.id))
    service.inbound({"cmd": "look"}, tcp.server(port=port))
    async with service, Mu("client") as client:
        client.outbound({"cmd": "look"}, tcp.client(port=port))
        for _ in range(2):
            await client.dispatch({"cmd": "look"})
    assert len(set(found)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}-[0-9a-f]{16}", each) and each.strip("0-") for each in found)
