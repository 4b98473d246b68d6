"""Metrics of what a Mu does, with the real OpenTelemetry SDK."""

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import Any

import pytest
from mu_fakes import until
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from fuge import ports
from mu import Mu, MuError, ServiceError, balance, breaker, outbox, retry, shed, tcp
from mu.metrics import BOUNDS, Measures
from mu.observer import Observer

Found = dict[tuple[str, ...], Any]
Measured = Callable[..., Found]
CALLS, HANDLED = "rpc.client.call.duration", "rpc.server.call.duration"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """The points of a metric, by the values of these attributes, "" for those it does not have."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("test")
    monkeypatch.setattr("mu.mu.observer_of", lambda *about: Observer(None, Measures(*about, meter)))

    def found(name: str, *attributes: str) -> Found:
        data = reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        points = [
            p for scope in scopes for metric in scope.metrics if metric.name == name for p in metric.data.data_points
        ]
        return {tuple(str((point.attributes or {}).get(each, "")) for each in attributes): point for point in points}

    return found


def adder(port: int) -> Mu:
    mu = Mu("adder")

    @mu.define({"role": "basic", "cmd": "add"})
    async def add(args: dict[str, Any]) -> int:
        await asyncio.sleep(args.get("after", 0))
        return int(args["first"] + args["second"])

    @mu.define({"role": "basic", "cmd": "fail"})
    def fail(_: object) -> None:
        raise ServiceError("the secret is 42", status=409)

    mu.inbound({"role": "basic", "cmd": "*"}, tcp.server(port=port))
    return mu


ADD = {"role": "basic", "cmd": "add", "first": 1, "second": 2}


async def test_durations_of_calls_and_of_handled_messages_are_in_seconds_by_pattern(measured: Measured) -> None:
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        for _ in range(3):
            await webapp.dispatch({**ADD, "after": 0.02})
    [(called, calls)] = measured(CALLS, "rpc.system.name", "rpc.method", "mu.at").items()
    [(received, handled)] = measured(HANDLED, "rpc.system.name", "rpc.method", "mu.at").items()
    assert called == ("mu", "role: basic", "webapp")
    assert received == ("mu", "role: basic, cmd: add", "adder")
    assert (calls.count, handled.count) == (3, 3)
    assert 0.06 <= handled.sum <= calls.sum < 3
    assert tuple(calls.explicit_bounds) == BOUNDS


async def test_failures_are_told_by_kind_and_status_and_without_their_text(measured: Measured) -> None:
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        await webapp.dispatch(ADD)
        for message in ({"role": "basic", "cmd": "fail"}, {"role": "basic", "cmd": "none"}):
            with pytest.raises(MuError):
                await webapp.dispatch(message)
    calls = measured(CALLS, "error.type", "rpc.response.status_code")
    assert {about: point.count for about, point in calls.items()} == {
        ("", ""): 1,
        ("ServiceError", "409"): 1,
        ("NoRoute", "404"): 1,
    }
    handled = measured(HANDLED, "rpc.method", "error.type")
    assert {about: point.count for about, point in handled.items()} == {
        ("role: basic, cmd: add", ""): 1,
        ("role: basic, cmd: fail", "ServiceError"): 1,
    }
    assert "secret" not in repr([calls, handled])


async def test_deadline_and_cancellation_are_failures(measured: Measured) -> None:
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        with pytest.raises(MuError):
            await webapp.dispatch({**ADD, "after": 60}, timeout=0.05)
        waiting = asyncio.create_task(webapp.dispatch({**ADD, "after": 60}))
        await until(lambda: webapp.stats()["waiting"])
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert measured(CALLS, "error.type").keys() == {("DeadlineExceeded",), ("CancelledError",)}


async def test_sent_message_is_told_from_one_with_an_answer(measured: Measured) -> None:
    port, done = ports.free(1)[0], asyncio.Event()
    receiver = Mu("events")
    receiver.define({"role": "events"}, lambda _: done.set())
    receiver.inbound({"role": "events"}, tcp.server(port=port))
    async with receiver, Mu("webapp") as webapp:
        webapp.outbound({"role": "events"}, tcp.client(port=port))
        webapp.send({"role": "events"})
        await asyncio.wait_for(done.wait(), 10)
    assert measured(CALLS, "rpc.method", "mu.one_way").keys() == {("role: events", "True")}
    assert measured(HANDLED, "rpc.method", "mu.one_way").keys() == {("role: events", "")}


async def test_message_that_is_passed_on_counts_once_where_it_passes(measured: Measured) -> None:
    port, gate_port = ports.free(2)
    gate = Mu("gate")
    gate.outbound({"role": "basic"}, tcp.client(port=port))
    gate.inbound({"role": "basic"}, tcp.server(port=gate_port))
    async with adder(port), gate, Mu("client") as client:
        client.outbound({"role": "basic"}, tcp.client(port=gate_port))
        await client.dispatch(ADD)
    assert measured(CALLS, "mu.at").keys() == {("client",)}
    assert {about: point.count for about, point in measured(HANDLED, "mu.at").items()} == {("gate",): 1, ("adder",): 1}


async def test_what_waits_is_read_when_it_is_asked_for(measured: Measured) -> None:
    port = ports.free(1)[0]
    async with adder(port) as server, Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, tcp.client(port=port))
        waiting = [asyncio.create_task(webapp.dispatch({**ADD, "after": 60})) for _ in range(3)]
        await until(lambda: server.stats()["handling"] == 3)
        pending = {about: point.value for about, point in measured("mu.messages.pending", "mu.at", "mu.state").items()}
        assert (pending["webapp", "waiting"], pending["adder", "handling"], pending["webapp", "sending"]) == (3, 3, 0)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert measured("mu.messages.pending", "mu.at", "mu.state")["webapp", "waiting"].value == 0
        assert measured("mu.messages.lost", "mu.at")["webapp",].value == 0
        assert 0 <= measured("mu.loop.lag", "mu.at")["webapp",].value < 10


async def test_adapters_tell_their_state_by_route_under_a_name_that_stays(measured: Measured) -> None:
    away = ports.free(1)[0]
    guarded = breaker(tcp.client(port=away), failures=1, reset=60)
    kept = outbox(tcp.client(port=away), grace=0)
    async with Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, shed(retry(balance([guarded]), attempts=1)))
        webapp.outbound({"role": "mail"}, kept)
        with pytest.raises(MuError):
            await webapp.dispatch({"role": "basic"})
        webapp.send({"role": "mail"})
        place = f"(tcp 127.0.0.1:{away})"
        states = {
            name: {about: point.value for about, point in measured(name, "rpc.method", "mu.target").items()}
            for name in ("mu.breaker.state", "mu.outbox.messages", "mu.shed.messages")
        }
        whole = f"shed (retry: 1 attempts (balance of 1 (breaker {place})))"
        assert states == {
            "mu.breaker.state": {("role: basic", f"breaker {place}"): 2},
            "mu.outbox.messages": {("role: mail", f"outbox {place}"): 1},
            "mu.shed.messages": {("role: basic", whole): 0},
        }
        assert ("outbound", "role: basic", whole) in measured("mu.routes", "mu.kind", "rpc.method", "mu.target")


async def test_routes_are_those_of_the_table(measured: Measured) -> None:
    port = ports.free(1)[0]
    mu = adder(port)
    mu.outbound({"role": "audit"}, tcp.client(port=1))
    async with mu:
        found = measured("mu.routes", "mu.at", "mu.kind", "rpc.method", "mu.target")
        assert list(found) == [(route.mu, route.kind, route.pattern, route.target) for route in mu.routes()]
        mu.define({"role": "late"}, lambda _: 1)
        assert ("handler", "role: late") in measured("mu.routes", "mu.kind", "rpc.method")


async def test_many_mus_share_the_instruments_and_go_with_their_last_use(
    measured: Measured, caplog: pytest.LogCaptureFixture
) -> None:
    async def used(name: str) -> None:
        async with Mu(name) as mu:
            mu.define({"cmd": "one"}, lambda _: 1)
            await mu.dispatch({"cmd": "one"})
            assert (name,) in measured("mu.routes", "mu.at")

    with caplog.at_level(logging.WARNING):
        await used("one")
        await used("two")
        gc.collect()
        assert measured("mu.routes", "mu.at") == {}
    assert caplog.records == []


async def test_what_is_measured_does_not_change_with_a_message(measured: Measured) -> None:
    """However many there are: else a service would tell of ever more series."""
    port = ports.free(1)[0]
    async with adder(port), Mu("webapp") as webapp:
        webapp.outbound({"role": "basic"}, shed(breaker(tcp.client(port=port))))
        counts = []
        for number in range(20):
            busy = [webapp.dispatch({**ADD, "first": number}) for _ in range(number + 1)]
            await asyncio.gather(*busy, return_exceptions=True)
            names = (CALLS, HANDLED, "mu.routes", "mu.breaker.state", "mu.shed.messages")
            counts.append(sum(len(measured(name, "mu.at", "rpc.method", "mu.target", "error.type")) for name in names))
        assert counts[0] == counts[-1]
