"""Messages that pass a process on their way: ours or Node's, between callers and services of either kind."""

import asyncio
from typing import Any

import pytest
from interop.node import Node
from interop.raw import Raw, raw_server, request, response
from interop.service import FALSY, OTHERS, basic, caller, service
from mu_spans_seen import is_child, watch_spans

from mu import DeadlineExceeded, Mu, NoRoute, ServiceError, TTLExpired, tcp

ADD = basic("add", first=1, second=2)


def relay(server: tcp.server, to: int, **options: Any) -> Mu:
    """`options` are those of `tcp.client`."""
    mu = Mu("relay")
    mu.inbound({"role": "basic"}, server)
    mu.outbound({"role": "basic"}, tcp.client(port=to, **options))
    return mu


async def test_node_to_ours_to_node(port: int) -> None:
    async with Node("srv.js", port), relay(server := tcp.server(), port), Node("cli.js", server.port) as node:
        for times in range(10):
            add, fail, absent, falsy = await node.dispatch(
                ADD, basic("fail"), basic("mul"), basic("falsy", what="zero")
            )
            assert (add["n"], add["err"], add["response"]) == (4 * times, None, 3)
            assert (fail["err"]["message"], fail["err"]["mu"]["code"], fail["err"]["rest"]["code"]) == (
                "bang",
                1,
                "EBANG",
            )
            assert "srv.js" in fail["err"]["stacks"][0]
            assert absent["err"]["mu"]["code"] == 3
            assert falsy["response"] == {}


async def test_ours_to_ours_to_node(port: int) -> None:
    async with Node("srv.js", port), relay(server := tcp.server(), port), caller(server.port) as mu:
        for times in range(10):
            assert await mu.dispatch(basic("add", first=times, second=1)) == times + 1
        with pytest.raises(ServiceError, match="^bang$") as caught:
            await mu.dispatch(basic("fail"))
        assert caught.value.extra == {"code": "EBANG", "extra": {"why": ["a", 1]}}
        with pytest.raises(NoRoute):
            await mu.dispatch(basic("mul"))


async def test_node_to_ours_to_ours_ten_thousand_times() -> None:
    lot = 100  # answers to more of them in one go might end the Node caller
    async with (
        service(last := tcp.server()) as mu,
        relay(server := tcp.server(), last.port),
        Node("cli.js", server.port) as node,
    ):
        for _ in range(10_000 // lot):
            await node.tell("repeat", {"message": ADD, "times": lot})
            answers = [await node.hear() for _ in range(lot)]
            assert [(answer["err"], answer["response"]) for answer in answers] == [(None, 3)] * lot
        assert mu.stats()["handled"] == 10_000


async def test_ours_to_ours_to_ours_ten_thousand_times() -> None:
    async with (
        service(last := tcp.server()),
        relay(server := tcp.server(), last.port) as between,
        caller(server.port, timeout=60) as mu,
    ):
        calls = [mu.dispatch(basic("add", first=number, second=1)) for number in range(10_000)]
        assert await asyncio.gather(*calls) == list(range(1, 10_001))
        for each in (mu, between):
            assert (each.stats()["waiting"], each.stats()["handling"]) == (0, 0)


async def test_ours_to_node_to_ours_a_thousand_times(port: int) -> None:
    """With each, the relay sends a response to nothing to the service, which Node's own would die of."""
    async with service(last := tcp.server()) as mu, Node("relay.js", port, last.port):
        async with caller(port, node_safe=True) as calling:
            for number in range(1000):
                assert await calling.dispatch(basic("add", first=number, second=1)) == number + 1
        assert mu.stats()["handled"] == 1000


async def test_false_results_pass_a_relay_of_node_as_they_are(port: int) -> None:
    async with (
        service(last := tcp.server()),
        Node("relay.js", port, last.port),
        caller(port, node_safe=True) as mu,
    ):
        for what, result in {**FALSY, **OTHERS, "nan": None}.items():
            found = await mu.dispatch(basic("falsy", what=what))
            assert found == result
            assert type(found) is type(result)


async def test_errors_pass_a_relay_of_node_as_they_are(port: int) -> None:
    async with (
        service(last := tcp.server()),
        Node("relay.js", port, last.port),
        caller(port, node_safe=True) as mu,
    ):
        with pytest.raises(ServiceError, match="^nope$") as caught:
            await mu.dispatch(basic("httperr"))
        assert (caught.value.status, caught.value.data) == (404, {"why": "gone"})
        with pytest.raises(NoRoute, match="no pattern fits role: basic, cmd: mul at service"):
            await mu.dispatch(basic("mul"))


async def test_a_relay_of_node_whose_service_is_absent_may_be_silent(port: int) -> None:
    async with Node("relay.js", port, 1), caller(port, timeout=0.5) as mu:
        for _ in range(2):
            with pytest.raises((DeadlineExceeded, ServiceError)):
                await mu.dispatch(ADD)


async def test_a_relay_of_ours_whose_service_is_absent_says_so() -> None:
    async with relay(server := tcp.server(), 1), Node("cli.js", server.port) as node:
        one, other = await node.dispatch(ADD, ADD)
        for answer in (one, other):
            assert answer["err"]["mu"]["code"] == 3
            assert answer["err"]["mu"]["kind"] == "ConnectFailed"
            assert "nobody listens there" in answer["err"]["message"]


async def test_a_circle_of_ours_ends_by_ttl(port: int) -> None:
    async with relay(server := tcp.server(), port), relay(tcp.server(port=port), server.port):
        async with caller(port) as mu:
            with pytest.raises(TTLExpired, match="passed 11 processes, and may pass no other"):
                await mu.dispatch(ADD)
        async with await Raw.to(port) as raw:
            for ttl in (3, 0, -1):
                answer = await raw.ask(ADD, ttl=ttl)
                assert answer["err"]["output"]["mu"]["kind"] == "TTLExpired"


async def test_a_circle_of_ours_and_node_ends_by_ttl(port: int) -> None:
    async with relay(server := tcp.server(), port), Node("relay.js", port, server.port):
        for _ in range(2):
            async with caller(server.port) as mu:
                with pytest.raises(TTLExpired):
                    await mu.dispatch(ADD)


async def test_what_else_a_packet_holds_is_handed_on() -> None:
    seen: list[dict[str, Any]] = []

    async def serve(connection: Raw) -> None:
        seen.append(await connection.receive())
        await connection.send({**response(seen[0], response=3, more="back"), "least": 1})

    async with raw_server(serve) as port, relay(server := tcp.server(), port), await Raw.to(server.port) as raw:
        extra = {"inboundIfc": "interface", "traceparent": "00-1-2-01", "mine": {"a": [1]}}
        await raw.send({**request(ADD, id="an-id", muid="a-muid", **extra), "more": "there"})
        answer = await raw.receive()
    [there] = seen
    assert there["pattern"] == ADD
    assert there["more"] == "there"
    assert {key: there["protocol"][key] for key in extra} == extra
    assert there["protocol"]["ttl"] == 9
    assert there["protocol"]["path"] == ["an-id", "a-muid", there["protocol"]["src"]]
    assert (answer["err"], answer["response"], answer["more"], answer["least"]) == (None, 3, "back", 1)
    assert {key: answer["protocol"][key] for key in extra} == extra
    assert (answer["protocol"]["path"], answer["protocol"]["dst"]) == (["an-id"], "a-muid")


async def test_a_relay_of_node_does_not_break_a_trace(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch_spans(monkeypatch)
    async with service(last := tcp.server()), Node("relay.js", port, last.port), caller(port) as mu:
        assert await mu.dispatch(ADD) == 3
    dispatched, handled = seen()
    assert is_child(handled, dispatched)
