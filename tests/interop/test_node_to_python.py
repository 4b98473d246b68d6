"""Callers of Node's mu, and our service."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from interop.node import Node
from interop.proxy import pieces_of, proxy
from interop.raw import Raw, request
from interop.service import FALSY, OTHERS, basic, service

from mu import Mu, tcp

UNICODE = ["é", "☃", "😀", "\u2028\u2029", "\ud83d", "\0", {"ключ": ["値", None, True, -0.5, 1e300]}, [], {}, [[[]]]]


async def test_a_result_comes_back() -> None:
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        assert await node.dispatch(basic("add", first="1", second="2")) == [{"n": 0, "err": None, "response": 3}]


async def test_data_come_back_as_they_were() -> None:
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        [answer] = await node.dispatch(basic("echo", value=UNICODE))
        assert answer["response"] == UNICODE


@pytest.mark.parametrize("size", [1_000_000, 5_000_000])
async def test_a_large_message_comes_back(size: int) -> None:
    value = "Größe 😀" * (size // 12)  # bytes of UTF-8
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        [answer] = await node.dispatch(basic("echo", value=value))
        assert answer["response"] == value


async def test_each_caller_gets_its_own_answer_in_whatever_order_they_come() -> None:
    delays = random.sample(range(1, 301), 200)
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        answers = await node.dispatch(*(basic("slow", ms=ms) for ms in delays))
        assert [answer["response"] for answer in answers] == delays


async def test_an_error_is_one_of_node_and_tells_what_it_should() -> None:
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        [answer] = await node.dispatch(basic("fail"))
    err = answer["err"]
    assert err["isError"]
    assert err["isMu"]
    assert err["message"] == "bang"
    assert err["status"] == 500
    assert (err["mu"]["code"], err["mu"]["error"], err["mu"]["message"]) == (1, "service error", "bang")
    assert (err["rest"]["code"], err["rest"]["extra"]) == ("EBANG", {"why": ["a", 1]})
    assert err["stacks"] == []


@pytest.mark.parametrize("dev", [False, True])
async def test_the_stack_of_an_exception_stays_here_unless_dev(dev: bool) -> None:
    async with service(server := tcp.server(), dev=dev), Node("cli.js", server.port) as node:
        [answer] = await node.dispatch(basic("add", first="one", second="2"))
    err = answer["err"]
    text = "invalid literal for int() with base 10: 'one'"
    assert err["message"] == (text if dev else "the handler failed by ValueError: the log of its service tells more")
    assert err["mu"]["code"] == 1
    if dev:
        assert "service.py" in err["stacks"][0]
    else:
        assert ".py" not in str(answer)


async def test_an_error_with_a_status_brings_it_and_its_data() -> None:
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        [answer] = await node.dispatch(basic("httperr"))
    err = answer["err"]
    assert (err["message"], err["status"], err["data"], err["mu"]["code"]) == ("nope", 404, {"why": "gone"}, 1)


async def test_false_results_come_as_an_empty_object() -> None:
    """Node takes a packet without a true response for none, and its callback would never be called."""
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        answers = await node.dispatch(*(basic("falsy", what=what) for what in FALSY))
        assert [(answer["err"], answer["response"]) for answer in answers] == [(None, {})] * len(FALSY)
        answers = await node.dispatch(*(basic("falsy", what=what) for what in OTHERS))
        assert [answer["response"] for answer in answers] == list(OTHERS.values())


async def test_a_message_that_nobody_here_knows_is_an_error_of_the_transport() -> None:
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        [answer] = await node.dispatch(basic("mul"))
        assert answer["err"]["mu"]["code"] == 3
        assert answer["err"]["status"] == 404
        assert answer["err"]["data"] is None
        assert "no pattern fits role: basic, cmd: mul at service" in answer["err"]["message"]


class Strange(BaseException):
    pass


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


def raising(error: BaseException) -> Callable[[Any], None]:
    def handler(_: Any) -> None:
        raise error

    return handler


GARBAGE: dict[str, Callable[[Any], Any]] = {
    "not an Exception": raising(Strange("strange")),
    "an exit": raising(SystemExit(3)),
    "cancelled": raising(asyncio.CancelledError()),
    "a stop": raising(StopIteration(1)),
    "no words": raising(Mute()),
    "an object": lambda _: object(),
    "a circle": lambda _: (circle := {}).update(circle=circle) or circle,
    "no text as key": lambda _: {("a", "b"): 1},
    "very deep": lambda _: deep(100_000),
}


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("what", GARBAGE)
async def test_whatever_a_handler_raises_or_returns_is_an_error_at_node(what: str) -> None:
    mu = service(server := tcp.server())
    mu.define(basic("garbage"), GARBAGE[what])
    async with mu, Node("cli.js", server.port) as node:
        one, other = await node.dispatch(basic("garbage"), basic("add", first=1, second=2))
        assert one["err"]["isError"]
        assert one["err"]["mu"]["code"] in (1, 2)
        assert one["err"]["message"]
        assert other["response"] == 3


async def test_thousands_of_messages_in_one_go_are_all_answered() -> None:
    """In small lots: Node would die of a long answer, or many, of which the 65,536th byte falls into a length."""
    times, lot = 5000, 50
    may_answer = asyncio.Semaphore(0)

    async def count(args: dict[str, Any]) -> int:
        await may_answer.acquire()
        return int(args["k"]) + 1

    mu = Mu(timeout=60)
    mu.define(basic("count"), count)
    mu.inbound(basic("count"), server := tcp.server())
    async with mu, Node("cli.js", server.port) as node:
        await node.tell("repeat", {"message": basic("count"), "times": times})
        for _ in range(times // lot):
            for _ in range(lot):
                may_answer.release()
            for answer in [await node.hear() for _ in range(lot)]:
                assert (answer["err"], answer["response"]) == (None, answer["n"] + 1)


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_messages_may_come_in_small_pieces(size: int) -> None:
    async with (
        service(server := tcp.server()),
        proxy(server.port, there=pieces_of(size)) as cutting,
        Node("cli.js", cutting) as node,
    ):
        answers = await node.dispatch(*(basic("echo", value=value) for value in UNICODE))
        assert [answer["response"] for answer in answers] == UNICODE


async def test_a_caller_that_leaves_does_not_disturb_another() -> None:
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        await node.tell("dispatch", [basic("slow", ms=300)])
        async with Node("cli.js", server.port) as other:
            await other.dispatch(basic("add", first=1, second=2))
            await other.tell("tearDown")
            assert await other.hear() == "torn down"
        assert await node.hear() == {"n": 0, "err": None, "response": 300}


async def test_a_caller_that_dies_does_not_disturb_another() -> None:
    async with service(server := tcp.server()), Node("cli.js", server.port) as node:
        await node.tell("dispatch", [basic("slow", ms=300)])
        async with Node("cli.js", server.port) as other:
            await other.tell("dispatch", [basic("slow", ms=100)] * 20)
            await other.alive()
            await other.kill()
        assert await node.hear() == {"n": 0, "err": None, "response": 300}


async def test_a_caller_that_is_torn_down_while_it_waits_still_gets_its_answer() -> None:
    async with service(server := tcp.server()) as mu, Node("cli.js", server.port) as node:
        await node.dispatch(basic("add", first=1, second=2))
        await node.tell("dispatch", [basic("slow", ms=200)])
        await node.alive()
        await node.tell("tearDown")
        assert await node.hear() == "torn down"
        assert await node.hear() == {"n": 1, "err": None, "response": 200}
        assert mu.stats()["handled"] == 2


async def test_the_result_for_a_caller_that_is_gone_is_dropped() -> None:
    async with (
        service(server := tcp.server()) as mu,
        Node("cli.js", server.port) as node,
        Node("cli.js", server.port) as other,
    ):
        await node.dispatch(basic("add", first=1, second=2))
        await node.tell("dispatch", [basic("slow", ms=100)])
        await node.alive()
        await node.tell("reset")
        [answer] = await other.dispatch(basic("slow", ms=200))
        assert answer["response"] == 200
        assert mu.stats()["handled"] == 3
        assert mu.stats()["handling"] == 0


async def test_tear_down_answers_first_and_closes_then() -> None:
    async with service(server := tcp.server()) as mu, Node("cli.js", server.port) as node:
        await node.tell("dispatch", [basic("slow", ms=ms) for ms in (100, 300)])
        await node.alive()
        await mu.tear_down()
        assert [(await node.hear())["response"] for _ in range(2)] == [100, 300]
        await node.alive()


async def test_a_caller_connects_again_after_a_restart(port: int) -> None:
    async with Node("cli.js", port) as node:
        for first in range(3):
            async with service(tcp.server(port=port)):
                [answer] = await node.dispatch(basic("add", first=first, second=2))
                assert answer["response"] == first + 2
            await node.alive()


async def test_every_answer_has_what_node_needs() -> None:
    cases = [basic("falsy", what=what) for what in [*FALSY, *OTHERS]]
    cases += [basic("add", first=1, second=2), basic("fail"), basic("httperr"), basic("mul"), {}, basic("add")]
    async with service(server := tcp.server(), timeout=0.2), await Raw.to(server.port) as raw:
        for case in [*cases, basic("none")]:
            await raw.send(request(case, id="an-id", muid="a-muid", more=[1]))
            assert_node_can_take(await raw.receive())


def assert_node_can_take(answer: dict[str, Any]) -> None:
    response, err, protocol = answer["response"], answer["err"], answer["protocol"]
    assert response or isinstance(response, list | dict)  # what JavaScript takes for true
    assert protocol["path"] == ["an-id"]
    assert protocol["dst"] == "a-muid"
    assert protocol["trace"] == ["an-id", "a-muid", protocol["src"]]
    assert protocol["src"] not in ("", "a-muid")
    assert protocol["ttl"] == 10
    assert protocol["more"] == [1]
    if err is not None:
        assert err["isBoom"] is True
        assert isinstance(err["message"], str)
        assert err["message"]
        assert err["output"]["mu"]["code"] in (1, 2, 3)
        assert 400 <= err["output"]["statusCode"] <= 599
        assert "stack" not in err
