"""What Node's mu does not survive, and this one must: one test for each case, by number.

More of 17 is in transports/test_redis.py; 3 to 8 with real Node peers are in tests/interop.
"""

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dns_fakes import FakeDns, saying
from dnslib import RR
from interop.raw import Raw, framed, raw_server, request, response
from mu_brokers import RedisBroker
from mu_fakes import until

from mu import (
    Closed,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    Mu,
    MuError,
    NoRoute,
    Overloaded,
    ServiceError,
    TTLExpired,
    balance,
    breaker,
    dns,
    http,
    local,
    redis,
    retry,
    shed,
    tcp,
)
from mu.codec import encode

ADD = {"role": "basic", "cmd": "add"}
ONE_AND_TWO = {**ADD, "first": 1, "second": 2}


async def add(args: dict[str, Any]) -> Any:
    return args["first"] + args["second"]


async def slow(args: dict[str, Any]) -> Any:
    await asyncio.sleep(args["seconds"])
    return "slept"


def service(server: Any, **options: Any) -> Mu:
    mu = Mu("service", **options)
    mu.define(ADD, add)
    mu.define({"role": "basic", "cmd": "slow"}, slow)
    mu.define({"role": "basic", "cmd": "echo"}, lambda args: args["value"])
    mu.inbound({"role": "basic"}, server)
    return mu


def caller(port: int, **options: Any) -> Mu:
    mu = Mu("caller")
    mu.outbound({"role": "basic"}, tcp.client(port=port, **options))
    return mu


@contextlib.asynccontextmanager
async def pair(**options: Any) -> AsyncIterator[tuple[Mu, Mu, int]]:
    """A service, a caller of it, and the port between them; both must be empty at the end."""
    server = tcp.server()
    async with service(server, **options) as mu, caller(server.port) as other:
        yield mu, other, server.port
        assert empty(mu)
        assert empty(other)


def empty(mu: Mu) -> bool:
    stats = mu.stats()
    return not stats["waiting"] and not stats["handling"] and not stats["sending"]


async def test_01_a_header_that_is_cut_between_segments() -> None:
    async with pair() as (_, _, port), await Raw.to(port) as raw:
        frame = framed(request(ONE_AND_TWO))
        assert frame[0] & 0x80
        await raw.send_bytes(frame[:1])
        await asyncio.sleep(0.02)
        await raw.send_bytes(frame[1:])
        assert (await raw.receive())["response"] == 3
        first = framed(request({"role": "basic", "cmd": "echo", "value": "x" * 65_000}))
        padding = 65_535 - len(first)
        first = framed(request({"role": "basic", "cmd": "echo", "value": "x" * (65_000 + padding)}))
        assert len(first) == 65_535  # so that byte 65,536 is the first of the next header
        await raw.send_bytes(first + frame)
        assert len((await raw.receive())["response"]) == 65_000 + padding
        assert (await raw.receive())["response"] == 3


@pytest.mark.parametrize("leave", ["close", "reset", "half close"])
async def test_02_a_client_that_leaves_with_a_request_pending(leave: str) -> None:
    async with pair() as (mu, other, port):
        async with await Raw.to(port) as raw:
            await raw.send(request({"role": "basic", "cmd": "slow", "seconds": 0.1}))
            await until(lambda: mu.stats()["handling"])
            if leave == "reset":
                raw.reset()
            elif leave == "half close":
                raw.half_close()
                assert (await raw.receive())["response"] == "slept"
        assert await other.dispatch(ONE_AND_TWO) == 3
        await until(lambda: empty(mu))


async def test_03_another_client_that_disconnects() -> None:
    async with pair() as (_, other, port):
        waiting = asyncio.create_task(other.dispatch({"role": "basic", "cmd": "slow", "seconds": 0.2}))
        for _ in range(5):  # a port scan
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
        async with await Raw.to(port) as raw:
            await raw.ask(ONE_AND_TWO)
        assert await waiting == "slept"


@pytest.mark.parametrize(
    "garbage",
    [
        *(b"{}", b"null", b"[]", b'"x"', b"5", b"{", b'{"pattern":{}}', b'{"pattern":{},"protocol":{}}'),
        b'{"pattern":{},"protocol":{"path":[],"trace":[]}}',
        b'{"pattern":{},"protocol":{"path":[1],"trace":[]}}',
        b'{"pattern":5,"protocol":{"path":["a"]}}',
        b"[" * 100_000,
        b'{"pattern":' + b'{"a":' * 50_000,
    ],
)
async def test_04_frames_of_garbage(garbage: bytes) -> None:
    async with pair() as (_, other, port):
        async with await Raw.to(port) as raw:
            await raw.send_bytes(framed(garbage))
            await raw.closed()
        assert await other.dispatch(ONE_AND_TWO) == 3


@pytest.mark.parametrize("header", [b"\xff" * 20, b"\x80\x80\x80\x80\x80\x80\x40", b"\x00", b"\x80" * 8])
async def test_04_endless_lengths_take_no_memory(header: bytes) -> None:
    async with pair() as (_, other, port):
        before = psutil.Process().memory_info().rss
        async with await Raw.to(port) as raw:
            await raw.send_bytes(header)
            await raw.closed()
        assert psutil.Process().memory_info().rss - before < 32 << 20
        assert await other.dispatch(ONE_AND_TWO) == 3


@pytest.mark.parametrize("name", ["constructor", "__proto__", "toString"])
async def test_04_names_that_javascript_trips_over(name: str) -> None:
    async with pair() as (_, _, port), await Raw.to(port) as raw:
        await raw.send(request(ONE_AND_TWO, id=name, muid=name))
        assert (await raw.receive())["response"] == 3
        await raw.send(request({"role": name}))
        assert (await raw.receive())["err"]["output"]["mu"]["kind"] == "NoRoute"


async def test_05_handlers_that_raise_return_garbage_or_never_answer() -> None:
    server = tcp.server()
    mu = Mu("service", timeout=5)

    @mu.define({"cmd": "raise"})
    async def fail(args: dict[str, Any]) -> None:
        raise {"key": KeyError("x"), "exit": SystemExit(3), "cancel": asyncio.CancelledError()}[args["what"]]

    mu.define({"cmd": "garbage"}, lambda args: object())
    mu.define({"cmd": "large"}, lambda args: "x" * 2_000_000)
    mu.define({"cmd": "never"}, lambda args: asyncio.Event().wait())
    mu.define(ADD, add)
    mu.inbound("*", server)
    server.max_frame = 1_000_000
    async with mu:
        other = Mu("caller")
        other.outbound("*", tcp.client(port=server.port))
        async with other:
            for what, message in (("key", "by KeyError"), ("exit", "by SystemExit"), ("cancel", "cancelled itself")):
                with pytest.raises(ServiceError, match=message):
                    await other.dispatch({"cmd": "raise", "what": what})
            with pytest.raises(MuError, match="expected text, numbers, .* found object at "):
                await other.dispatch({"cmd": "garbage"})
            with pytest.raises(MuError, match=r"expected at most 1,000,000 bytes, found 2,000,\d\d\d"):
                await other.dispatch({"cmd": "large"})
            with pytest.raises(DeadlineExceeded):
                await other.dispatch({"cmd": "never"}, timeout=0.05)
            assert await other.dispatch(ONE_AND_TWO) == 3
        await until(lambda: empty(mu))


@pytest.mark.parametrize("err", ["a string", 5, True, {}, [], {"isBoom": False}])
async def test_06_an_error_of_any_shape(err: Any) -> None:
    async def serve(raw: Raw) -> None:
        while True:
            await raw.send(response(await raw.receive(), err=err, response={}))

    async with raw_server(serve) as port, caller(port) as mu:
        for _ in range(2):
            with pytest.raises(ServiceError):
                await mu.dispatch(ONE_AND_TWO)
        assert empty(mu)


@pytest.mark.parametrize("value", [0, -0.0, "", False, None, [], {}, "0", 1, "x", [0], {"a": None}, 10**100])
async def test_07_any_result_arrives_as_it_is(value: Any) -> None:
    async with pair() as (_, other, port):
        found = await other.dispatch({"role": "basic", "cmd": "echo", "value": value})
        assert found == value
        assert type(found) is type(value)
        async with await Raw.to(port) as raw:  # what Node sees
            assert (await raw.ask({"role": "basic", "cmd": "echo", "value": value}))["response"] == (
                value or {} if value != [] else []
            )


async def test_08_a_relay_in_the_middle_and_the_answers_nobody_asked_for() -> None:
    server, middle = tcp.server(), tcp.server()
    relay = Mu("relay")
    relay.inbound("*", middle)
    async with service(server) as back:
        relay.outbound({"role": "basic"}, tcp.client(port=server.port))
        async with relay, caller(middle.port) as front:
            for number in range(500):
                assert await front.dispatch({**ADD, "first": number, "second": 1}) == number + 1
            asked = request(ONE_AND_TWO)
            async with await Raw.to(server.port) as raw:
                for _ in range(100):  # as Node's relay sends them
                    await raw.send(response(asked, response={}))
                assert (await raw.ask(ONE_AND_TWO))["response"] == 3
            assert empty(front)
        assert empty(relay)
        await until(lambda: empty(back))


async def test_09_a_circle_of_routes_ends() -> None:
    ports = [tcp.server(), tcp.server()]
    mus = [Mu("a"), Mu("b")]
    for mu, server in zip(mus, ports, strict=True):
        mu.inbound("*", server)
        await mu.start()
    for mu, server in zip(mus, reversed(ports), strict=True):
        mu.outbound("*", tcp.client(port=server.port))
    with pytest.raises(TTLExpired, match="passed 11 processes"):
        await mus[0].dispatch({"any": "thing"})
    for mu in mus:
        await mu.tear_down()
        assert empty(mu)


async def test_10_tear_down_with_work_in_flight() -> None:
    server = tcp.server()
    mu, other = service(server), Mu("caller")
    await mu.start()
    other.outbound("*", tcp.client(port=server.port))
    waiting = [asyncio.create_task(other.dispatch({"role": "basic", "cmd": "slow", "seconds": 0.2})) for _ in range(20)]
    await until(lambda: mu.stats()["handling"] == 20)
    await asyncio.gather(mu.tear_down(), mu.tear_down())
    assert await asyncio.gather(*waiting) == ["slept"] * 20
    await mu.tear_down()
    with pytest.raises(ConnectFailed):
        await other.dispatch(ONE_AND_TWO)
    await other.tear_down()


async def test_10_tear_down_gives_up_what_takes_too_long() -> None:
    server = tcp.server()
    mu = service(server)
    await mu.start()
    async with caller(server.port) as other:
        waiting = asyncio.create_task(other.dispatch({"role": "basic", "cmd": "slow", "seconds": 60}))
        await until(lambda: mu.stats()["handling"])
        await mu.tear_down(grace=0.1)
        with pytest.raises((Closed, ConnectionLost)) as raised:
            await waiting
        assert raised.value.sent


async def test_10_tear_down_while_connecting(black_hole: int) -> None:
    mu = caller(black_hole)
    waiting = asyncio.create_task(mu.dispatch(ONE_AND_TWO))
    await asyncio.sleep(0.05)
    await mu.tear_down(grace=0.1)
    with pytest.raises(MuError) as raised:
        await waiting
    assert not raised.value.sent


async def test_11_a_peer_that_dies_ends_all_that_wait_for_it() -> None:
    heard = asyncio.Event()

    async def serve(raw: Raw) -> None:
        for _ in range(50):
            await raw.receive()
        heard.set()
        raw.reset()

    async with raw_server(serve) as port, caller(port) as mu:
        began = time.monotonic()
        results = await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(50)), return_exceptions=True)
        assert {type(each) for each in results} == {ConnectionLost}
        assert all(each.sent for each in results if isinstance(each, MuError))
        assert time.monotonic() - began < 5
        assert empty(mu)


async def test_11_a_peer_that_is_absent_is_told_to_all(free_port: int) -> None:
    async with caller(free_port) as mu:
        results = await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(50)), return_exceptions=True)
        assert {type(each) for each in results} == {ConnectFailed}
        assert "nobody listens there" in str(results[0])
        assert not any(each.sent for each in results if isinstance(each, MuError))


async def test_11_a_connect_into_a_black_hole_ends(black_hole: int) -> None:
    async with caller(black_hole, connect_timeout=0.2) as mu:
        results = await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(10)), return_exceptions=True)
        assert {type(each) for each in results} == {ConnectFailed}
        assert "no answer within 0.2 s" in str(results[0])
    async with caller(black_hole, connect_timeout=60) as mu:
        with pytest.raises(DeadlineExceeded) as raised:
            await mu.dispatch(ONE_AND_TWO, timeout=0.1)
        assert not raised.value.sent


async def test_12_nothing_grows() -> None:
    """A short run; benchmarks/soak.py makes a million."""
    async with pair() as (mu, other, _):

        async def some(count: int) -> None:
            for _ in range(count // 100):
                await asyncio.gather(*(other.dispatch(ONE_AND_TWO) for _ in range(100)))

        await some(2000)
        gc.collect()
        objects, tasks = len(gc.get_objects()), len(asyncio.all_tasks())
        await some(10_000)
        gc.collect()
        assert len(gc.get_objects()) - objects < 500
        assert len(asyncio.all_tasks()) == tasks
        assert empty(mu)
        assert empty(other)


async def test_13_a_reader_that_does_not_read_is_not_served_without_end() -> None:
    async with pair() as (mu, other, port):
        async with await Raw.to(port) as raw:
            ask = framed(request({"role": "basic", "cmd": "echo", "value": "x" * 100_000}))
            sending = asyncio.create_task(raw.send_bytes(ask * 2000))  # 200 MB
            before, handled = psutil.Process().memory_info().rss, -1.0
            while handled != mu.stats()["handled"]:
                handled = mu.stats()["handled"]
                await asyncio.sleep(0.2)
            assert handled < 1000
            assert await other.dispatch(ONE_AND_TWO) == 3
            assert psutil.Process().memory_info().rss - before < 400 << 20  # most of it is the test's own
            raw.reset()
            await asyncio.wait([sending])
        await until(lambda: empty(mu))


async def test_13_a_server_that_does_not_read_is_not_sent_without_end() -> None:
    async def serve(raw: Raw) -> None:
        await asyncio.Event().wait()

    async with raw_server(serve) as port:
        mu = Mu("caller", timeout=0.5)
        client = tcp.client(port=port)
        mu.outbound("*", shed(client, max_pending=100))
        async with mu:
            big = {"value": "x" * 100_000}
            results = await asyncio.gather(*(mu.dispatch(big) for _ in range(500)), return_exceptions=True)
            kinds = [type(each) for each in results]
            assert kinds.count(Overloaded) == 400
            assert kinds.count(DeadlineExceeded) == 100
            assert not all(each.sent for each in results if isinstance(each, DeadlineExceeded))
            assert empty(mu)


async def test_14_reconnects_with_rising_pauses_and_sends_nothing_twice(free_port: int) -> None:
    handled: list[str] = []

    async def serve(raw: Raw) -> None:
        while True:
            packet = await raw.receive()
            handled.append(packet["protocol"]["path"][0])
            if len(handled) % 3 == 0:
                return  # dies with this one unanswered
            await raw.send(response(packet, response=1))

    async with raw_server(serve) as port, caller(port) as mu:
        outcomes: list[Any] = []
        for _ in range(30):
            outcomes += await asyncio.gather(mu.dispatch(ONE_AND_TWO), return_exceptions=True)
        assert len(handled) == len(set(handled)) == 30
        assert [type(each) is ConnectionLost for each in outcomes] == [number % 3 == 0 for number in range(1, 31)]
    async with caller(free_port) as mu:
        pauses = []
        while len(pauses) < 4:
            with pytest.raises(ConnectFailed) as raised:
                await mu.dispatch(ONE_AND_TWO)
            if "the next attempt" not in str(raised.value):
                pauses.append(raised.value.retry_after or 0)
            await asyncio.sleep(0.005)
        for number, pause in enumerate(pauses):
            assert 0.025 * 2**number <= pause <= 0.05 * 2**number


async def test_15_a_burst_before_dns_has_answered_and_dns_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    server = tcp.server()
    async with service(server), FakeDns(answer=saying("SERVFAIL")) as names:
        monkeypatch.setenv("DNS_HOST", "127.0.0.1")
        monkeypatch.setenv("DNS_PORT", str(names.port))
        mu = Mu("caller")
        mu.outbound("*", dns(tcp, name="adder_service", namespace="micro"))
        async with mu:
            burst = await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(5)), return_exceptions=True)
            assert [type(each) for each in burst] == [ConnectFailed] * 5
            names.records = RR.fromZone(
                f"_main._tcp.adder-service.micro.svc.cluster.local. 0 IN SRV 0 10 {server.port} adder.\n"
                "adder. 0 IN A 127.0.0.1"
            )
            names.answer = names.by_zone
            async with asyncio.timeout(20):  # Node's takes 60 s
                while True:
                    with contextlib.suppress(ConnectFailed):
                        assert await mu.dispatch(ONE_AND_TWO) == 3
                        break
                    await asyncio.sleep(0.02)
            names.answer = saying("SERVFAIL")
            asked = len(names.asked)
            await until(lambda: len(names.asked) > asked + 1)
            assert await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(5))) == [3] * 5


async def test_16_balance_skips_what_is_dead_and_sends_again_only_what_was_not_sent(free_port: int) -> None:
    server = tcp.server()
    async with service(server):
        mu = Mu("caller")
        mu.outbound(
            "*", balance([breaker(tcp.client(port=free_port), failures=1), breaker(tcp.client(port=server.port))])
        )
        async with mu:
            assert [await mu.dispatch(ONE_AND_TWO) for _ in range(20)] == [3] * 20
    handled = []

    async def serve(raw: Raw) -> None:
        handled.append(await raw.receive())

    async with raw_server(serve) as one, raw_server(serve) as two:
        mu = Mu("caller")
        mu.outbound("*", balance([tcp.client(port=one), tcp.client(port=two)]))
        async with mu:
            with pytest.raises(ConnectionLost):
                await mu.dispatch(ONE_AND_TWO)
        assert len(handled) == 1


async def test_17_redis_keeps_what_its_users_lose(tmp_path: Path) -> None:
    """A worker that was killed, a message that is none, a Redis that restarts, a client that fetches no answer."""
    broker = RedisBroker(tmp_path / "redis")
    await broker.start()
    try:
        broker.ask("SADD", "q_consumers", "killed")  # whose lease is over
        broker.ask("LPUSH", "q_work_killed", encode(request({**ADD, "first": 1, "second": 2})).decode())
        broker.ask("LPUSH", "q_req", "no message")
        async with service(redis.server(port=broker.port, list="q", lease=1)) as mu:
            await until(lambda: broker.length("q_dead"))
            await broker.restart()
            other = Mu("caller")
            other.outbound({"role": "basic"}, retry(redis.client(port=broker.port, list="q"), attempts=20))
            async with other:
                assert await other.dispatch(ONE_AND_TWO) == 3
            await until(lambda: broker.ask("EXISTS", "q_res_raw-muid") == "1")
            await until(lambda: empty(mu))
        assert 0 < int(broker.ask("TTL", "q_res_raw-muid") or 0) <= 3600
        assert broker.ask("KEYS", "*") == "2"  # that answer and the dead letter
    finally:
        broker.kill()


async def test_18_http_keeps_each_answer_with_its_caller() -> None:
    server = http.server(port=0)
    async with service(server) as mu:
        other = Mu("caller")
        other.outbound("*", http.client(port=server.port))
        async with other:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readline()).split()[1] in (b"404", b"405")
            writer.close()
            aborted = asyncio.create_task(other.dispatch({"role": "basic", "cmd": "slow", "seconds": 0.3}))
            await until(lambda: mu.stats()["handling"])
            aborted.cancel()
            numbers = range(50)
            results = await asyncio.gather(*(other.dispatch({**ADD, "first": n, "second": 1}) for n in numbers))
            assert results == [n + 1 for n in numbers]
        await until(lambda: empty(mu))


@pytest.mark.parametrize("define_first", [True, False])
async def test_19_routing(define_first: bool) -> None:
    mu, server = Mu("service"), tcp.server()
    steps = [
        lambda: mu.define({"role": "x"}, lambda args: "general"),
        lambda: mu.inbound({"role": "x"}, server),
        lambda: mu.define({"role": "x", "cmd": "add"}, lambda args: "special"),
    ]
    for step in steps if define_first else reversed(steps):
        step()
    async with mu:
        other = Mu("caller")
        other.outbound("*", tcp.client(port=server.port))
        async with other:
            assert await other.dispatch({"role": "x"}) == "general"
            assert await other.dispatch({"cmd": "add", "role": "x"}) == "special"
            assert await other.dispatch({"cmd": "add\0", "role": "x"}) == "general"
            assert await other.dispatch({"role": "x", "pattern": {"a": 1}, "response": 0, "err": "e"}) == "general"
            with pytest.raises(NoRoute):
                await other.dispatch({"role": "y"})


async def test_20_a_handler_that_blocks_goes_to_a_thread() -> None:
    server = local.server(name="blocking")
    mu, other = Mu("service"), Mu("caller")
    mu.define({"cmd": "block"}, lambda args: (time.sleep(0.3), threading.get_ident())[1], thread=True)
    mu.define(ADD, add)
    mu.inbound("*", server)
    other.outbound("*", local.client(name="blocking"))
    async with mu, other:
        blocked = asyncio.create_task(other.dispatch({"cmd": "block"}))
        await asyncio.sleep(0.01)
        began = time.monotonic()
        assert await other.dispatch(ONE_AND_TWO) == 3
        assert time.monotonic() - began < 0.25
        assert await blocked != threading.get_ident()
        assert mu.stats()["loop lag"] < 0.25
