"""Our callers, and a service of Node's mu."""

import asyncio
import random
import time
from typing import Any

import pytest
from interop.node import Node
from interop.proxy import pieces_of, proxy
from interop.raw import Raw, request
from interop.service import FALSY, basic, caller

from mu import ConnectFailed, ConnectionLost, DeadlineExceeded, NoRoute, ServiceError

UNICODE = ["é", "☃", "😀", "\u2028\u2029", "\ud83d", "\0", {"ключ": ["値", None, True, -0.5, 1e300]}, [], {}, [[[]]]]


async def test_a_result_comes_back(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        assert await mu.dispatch(basic("add", first="1", second="2")) == 3


async def test_data_come_back_as_they_were(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        assert await mu.dispatch(basic("echo", value=UNICODE)) == UNICODE


@pytest.mark.parametrize("size", [1_000_000, 5_000_000])
async def test_a_large_message_comes_back(port: int, size: int) -> None:
    value = "Größe 😀" * (size // 12)  # bytes of UTF-8
    async with Node("srv.js", port), caller(port) as mu:
        assert await mu.dispatch(basic("echo", value=value)) == value


async def test_each_caller_gets_its_own_answer_in_whatever_order_they_come(port: int) -> None:
    delays = random.sample(range(1, 301), 200)
    async with Node("srv.js", port) as node, caller(port) as mu:
        waves = []
        for wave in (delays[:100], delays[100:]):  # that of all, read at once, might end Node
            waves.append(asyncio.gather(*(mu.dispatch(basic("slow", ms=ms)) for ms in wave)))
            await asyncio.sleep(0)
            await node.alive()
        assert [ms for wave in waves for ms in await wave] == delays


async def test_an_error_brings_what_the_handler_put_into_it(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        with pytest.raises(ServiceError, match="^bang$") as caught:
            await mu.dispatch(basic("fail"))
    error = caught.value
    assert error.remote
    assert error.status == 500
    assert error.extra == {"code": "EBANG", "extra": {"why": ["a", 1]}}
    assert error.stack
    assert "srv.js" in error.stack


async def test_an_error_with_a_status_brings_it_and_its_data(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        with pytest.raises(ServiceError, match="^nope$") as caught:
            await mu.dispatch(basic("httperr"))
    assert (caught.value.status, caught.value.data) == (404, {"why": "gone"})


async def test_a_message_that_nobody_there_knows_has_no_route(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        with pytest.raises(NoRoute, match="no available response transport function") as caught:
            await mu.dispatch(basic("mul"))
    assert caught.value.remote
    assert not caught.value.sent
    assert caught.value.data["pattern"] == basic("mul")  # Node sends the whole message back


async def test_false_results_come_as_an_empty_object(port: int) -> None:
    """As they leave Node; there is nothing left to tell them by."""
    async with Node("srv.js", port), caller(port) as mu:
        assert [await mu.dispatch(basic("falsy", what=what)) for what in FALSY] == [{}] * len(FALSY)
        assert await mu.dispatch(basic("add", first=1, second=-1)) == {}


async def test_an_error_goes_before_a_result_that_came_with_it(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        with pytest.raises(ServiceError, match="^bang$"):
            await mu.dispatch(basic("both"))


async def test_no_answer_ends_at_the_deadline_and_leaves_nothing(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch(basic("none"), timeout=0.1)
        assert mu.stats()["waiting"] == 0
        assert await mu.dispatch(basic("add", first=1, second=2)) == 3


async def test_an_answer_after_the_deadline_is_dropped(port: int) -> None:
    async with Node("srv.js", port) as node, caller(port) as mu:
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch(basic("slow", ms=200), timeout=0.1)
        assert await mu.dispatch(basic("slow", ms=300)) == 300
        await node.alive()


async def test_the_second_of_two_answers_is_dropped(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        assert await mu.dispatch(basic("double")) == "first"
        assert await mu.dispatch(basic("echo", value="third")) == "third"


async def test_a_server_that_dies_fails_all_that_wait_at_once(port: int) -> None:
    async with caller(port) as mu:
        async with Node("srv.js", port) as node:
            waiting = [asyncio.create_task(mu.dispatch(basic("none"))) for _ in range(3)]
            assert await mu.dispatch(basic("add", first=1, second=2)) == 3
            await node.kill()
            began = time.monotonic()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(each) for each in results] == [ConnectionLost] * 3
            assert time.monotonic() - began < 5
        async with Node("srv.js", port):
            assert await mu.dispatch(basic("add", first=1, second=2)) == 3


async def test_all_callers_are_told_that_nobody_listens(port: int) -> None:
    async with caller(port) as mu:
        calls = [mu.dispatch(basic("add", first=1, second=2)) for _ in range(20)]
        results: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
        assert [(type(each), each.sent) for each in results] == [(ConnectFailed, False)] * 20


async def test_a_caller_that_leaves_when_all_is_answered_does_no_harm(port: int) -> None:
    async with Node("srv.js", port) as node:
        for _ in range(3):
            async with caller(port) as mu:
                assert await mu.dispatch(basic("add", first=1, second=2)) == 3
            await node.alive()


async def test_one_at_a_time_on_each_connection_keeps_node_alive(port: int) -> None:
    async with Node("srv.js", port), caller(port, timeout=60, node_safe=True, pool=4) as mu:
        calls = [mu.dispatch(basic("add", first=number, second=1, filling="x" * 300)) for number in range(10_000)]
        assert await asyncio.gather(*calls) == list(range(1, 10_001))


async def test_what_else_the_protocol_block_holds_goes_along(port: int) -> None:
    async with Node("srv.js", port), caller(port) as mu:
        protocol = (await mu.dispatch(basic("packet")))["protocol"]
        assert protocol["traceparent"].startswith("00-")
        assert 0 < protocol["deadline"] / 1000 - time.time() <= 10


async def test_what_else_the_protocol_block_holds_comes_back(port: int) -> None:
    async with Node("srv.js", port), await Raw.to(port) as raw:
        more = {"deadline": 4102444800000, "traceparent": "00-1-2-01", "anything": {"else": [1]}}
        await raw.send(request(basic("add", first=1, second=2), **more))
        protocol = (await raw.receive())["protocol"]
        assert {key: protocol[key] for key in more} == more


async def test_a_handler_of_node_gets_the_message_under_pattern(port: int) -> None:
    """So it is in mu 2.0.5; newer ones hand it the message itself. On the wire there is no difference."""
    async with Node("srv.js", port), caller(port) as mu:
        packet = await mu.dispatch(basic("packet", first=1))
        assert packet["pattern"] == basic("packet", first=1)


async def test_answers_may_be_cut_at_any_byte(port: int) -> None:
    at = 0

    def in_two(data: bytes) -> list[bytes]:
        return [piece for piece in (data[:at], data[at:]) if piece]

    async with Node("srv.js", port), proxy(port, back=in_two) as cutting, caller(cutting) as mu:
        length = len(str(await mu.dispatch(basic("packet"))))
        for at in range(1, 2 * length):
            assert await mu.dispatch(basic("add", first=at, second=1)) == at + 1


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_answers_may_come_in_small_pieces(port: int, size: int) -> None:
    async with Node("srv.js", port), proxy(port, back=pieces_of(size)) as cutting, caller(cutting) as mu:
        assert await mu.dispatch(basic("echo", value=UNICODE)) == UNICODE
        assert await asyncio.gather(*(mu.dispatch(basic("slow", ms=ms)) for ms in (9, 5, 1))) == [9, 5, 1]
