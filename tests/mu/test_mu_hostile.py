"""What a peer may write into a message so that others are harmed; most of it was found by fuzzing (tests/fuzz)."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from interop.raw import Raw, framed, raw_server, request, response
from mu_brokers import RedisBroker
from mu_fakes import until

from mu import Mu, Overloaded, ServiceError, http, redis, retry, tcp
from mu.codec import encode

ADD = {"role": "basic", "cmd": "add", "first": 1, "second": 2}
SMALL = 10_000  # bytes of a frame
HUGE = 10**400  # no float can hold it


def service(server: Any, **options: Any) -> Mu:
    mu = Mu("service", **options)
    mu.define({"role": "basic", "cmd": "add"}, lambda message: message["first"] + message["second"])
    mu.inbound({"role": "basic"}, server)
    return mu


async def posted(port: int, packet: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
        session.post(f"http://127.0.0.1:{port}/mu/", data=encode(packet)) as answer,
    ):
        return answer.status, json.loads(await answer.read())


# Times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("deadline", "kind"), [(HUGE, None), (2**63, None), (-HUGE, "DeadlineExceeded")])
async def test_a_deadline_beyond_all_numbers_is_late_or_early(deadline: int, kind: str | None) -> None:
    packet = request(ADD, deadline=deadline)
    over_tcp, over_http = tcp.server(), http.server()
    async with service(over_tcp), service(over_http), await Raw.to(over_tcp.port) as raw:
        answers = [await raw.ask(ADD, deadline=deadline), (await posted(over_http.port, packet))[1]]
    for answer in answers:
        assert (answer["err"] and answer["err"]["output"]["mu"]["kind"]) == kind
        assert answer["response"] == ({} if kind else 3)


async def test_a_deadline_beyond_all_numbers_does_not_end_a_consumer(tmp_path: Path) -> None:
    broker = RedisBroker(tmp_path)
    await broker.start()
    try:
        seen: list[Any] = []
        mu = Mu("consumer")
        mu.define({"role": "events"}, lambda message: seen.append(message["x"]))
        mu.inbound({"role": "events"}, redis.server(list="q", port=broker.port))
        async with mu:
            for number, deadline in enumerate((HUGE, -HUGE, 2**52)):
                broker.ask("LPUSH", "q_req", json.dumps(request({"role": "events", "x": number}, deadline=deadline)))
            await until(lambda: seen == [0, 2])
    finally:
        broker.kill()


@pytest.mark.parametrize("seconds", [HUGE, -HUGE, 1e308, -1])
async def test_a_rest_beyond_all_numbers_is_none(seconds: float) -> None:
    err = {"message": "no", "output": {"mu": {"code": 3, "kind": "Overloaded", "sent": False, "retryAfter": seconds}}}

    async def serve(raw: Raw) -> None:
        for _ in range(2):
            await raw.send(response(await raw.receive(), err=err))

    async with raw_server(serve) as port:
        mu = Mu("caller")
        mu.outbound("*", retry(tcp.client(port=port), attempts=2, delay=0))
        async with mu:
            with pytest.raises(Overloaded):
                await mu.dispatch(ADD)


# The way of a message ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hops", [5, True, "x", {"a": 1}, [5, "x", {}], [{"at": 1, "to": 2, "began": HUGE, "ended": 0}], None]
)
async def test_any_hops_of_a_peer_leave_a_trace(hops: Any) -> None:
    async def serve(raw: Raw) -> None:
        asked = await raw.receive()
        answer = response({"protocol": {**asked["protocol"], "trace": []}}, response=3)
        answer["protocol"]["hops"] = hops
        await raw.send(answer)

    async with raw_server(serve) as port:
        mu = Mu("caller")
        mu.outbound("*", tcp.client(port=port))
        async with mu:
            trace = await mu.trace(ADD)
    assert (trace.result, len(trace.hops)) == (3, 1)
    assert "result: 3" in str(trace)


@contextlib.asynccontextmanager
async def small(kind: Any) -> AsyncIterator[tuple[Mu, int]]:
    server = kind.server(max_frame=SMALL)
    async with service(server) as mu:
        yield mu, server.port


def idle(mu: Mu) -> bool:
    return not mu.stats()["handling"] and not mu.stats()["waiting"]


@pytest.mark.parametrize("known", [True, False], ids=["a handler", "no handler"])
async def test_a_message_whose_way_leaves_no_room_for_an_answer_is_ended(
    known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its sender gets what finds nobody; those who share its connection are served on."""
    pattern = ADD if known else {"role": "none"}
    packet = request(pattern, custom="x" * (SMALL - len(encode(request(pattern, custom="")))))
    async with small(tcp) as (mu, port), await Raw.to(port) as raw:
        await raw.send(encode(packet))
        assert (await raw.receive())["protocol"]["path"] == []
        assert (await raw.ask(ADD))["response"] == 3
        await until(lambda: idle(mu))
    async with small(http) as (mu, port):
        status, answer = await posted(port, packet)
        assert (status, answer["protocol"]["path"]) == (200, [])
        await until(lambda: idle(mu))
    assert "a message cannot be answered: expected at most 10,000 bytes" in caplog.text
    assert "a message cannot be answered: expected an answer of at most 10,000 bytes" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# Sizes ------------------------------------------------------------------------------------------------------------


async def test_a_body_above_the_limit_is_refused_before_it_is_read() -> None:
    async with small(tcp) as (_, port), await Raw.to(port) as raw:
        await raw.send_bytes(framed(b" " * (SMALL + 1))[:20])
        await raw.closed()
    async with small(http) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /mu/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n" + b" " * 20_000)
        assert (await reader.readline()).split()[1] == b"413"
        await reader.read()
        writer.close()


# What errors tell -------------------------------------------------------------------------------------------------

PATH = "/home/me/secret.key"


def read(message: dict[str, Any]) -> None:
    Path(PATH).read_text()


async def err_of(kind: Any, mu: Mu, pattern: dict[str, Any]) -> str:
    server = kind.server()
    mu.inbound("*", server)
    async with mu:
        if kind is http:
            return json.dumps((await posted(server.port, request(pattern)))[1]["err"])
        async with await Raw.to(server.port) as raw:
            return json.dumps((await raw.ask(pattern))["err"])


@pytest.mark.parametrize("kind", [tcp, http], ids=["tcp", "http"])
@pytest.mark.parametrize("nested", [False, True], ids=["a handler", "a handler behind a handler"])
async def test_an_unexpected_error_leaves_without_its_text(
    kind: Any, nested: bool, caplog: pytest.LogCaptureFixture
) -> None:
    mu = Mu("service")
    mu.define({"cmd": "read"}, read)
    mu.define({"cmd": "ask"}, lambda message: mu.dispatch({"cmd": "read"}))
    said = await err_of(kind, mu, {"cmd": "ask" if nested else "read"})
    assert "FileNotFoundError" in said
    for secret in (PATH, "Traceback", __file__, "stack"):
        assert secret not in said
    assert PATH in caplog.text  # whoever runs the service is told


async def test_in_development_an_error_leaves_with_its_text_and_stack() -> None:
    mu = Mu("service", dev=True)
    mu.define({"cmd": "read"}, read)
    said = await err_of(tcp, mu, {"cmd": "read"})
    assert PATH in said
    assert "Traceback" in said


async def test_what_a_handler_says_on_purpose_leaves_as_it_is() -> None:
    mu = Mu("service")

    @mu.define({"cmd": "read"})
    def refuse(message: dict[str, Any]) -> None:
        try:
            read(message)
        except OSError as error:
            raise ServiceError("no such key", status=404) from error

    assert '"message": "no such key"' in await err_of(tcp, mu, {"cmd": "read"})


async def test_a_result_that_is_no_json_is_named_by_its_type() -> None:
    class Account:
        def __repr__(self) -> str:
            return "Account(password='secret')"

    mu = Mu("service")
    mu.define({"cmd": "read"}, lambda message: {"account": Account()})
    said = await err_of(tcp, mu, {"cmd": "read"})
    assert "found Account at response.account" in said
    assert "secret" not in said


@pytest.mark.parametrize("bad", [b"not json /etc/passwd", b'{"pattern": {}}', b"[" * 9_000])
async def test_what_is_no_message_is_refused_without_a_stack(bad: bytes) -> None:
    server = http.server()
    async with service(server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST /mu/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(bad)}\r\n\r\n"
        writer.write(head.encode() + bad)
        said = (await reader.read()).decode()
        writer.close()
    assert said.startswith("HTTP/1.1 400 ")
    assert "Traceback" not in said
    assert ".py" not in said
