"""http: both ends over loopback, what is no message, connections that end at any moment, and TLS."""

import asyncio
import contextlib
import gzip
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mu_fakes import Echo, packet, request

from mu import Mu, balance, breaker, http
from mu import packet as packets
from mu.errors import (
    BadFrame,
    Closed,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    FrameTooLarge,
    MuError,
    NoRoute,
    ServiceError,
    TransportError,
    Unencodable,
)
from mu.packet import result_of
from mu.transport import Packet, Receive, Reply

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextlib.asynccontextmanager
async def serving(receive: Receive, **options: Any) -> AsyncIterator[http.server]:
    server = http.server(**options)
    await server.start(receive)
    try:
        yield server
    finally:
        await server.close(0)


@contextlib.asynccontextmanager
async def client_of(port: int, **options: Any) -> AsyncIterator[http.client]:
    client = http.client(port=port, **options)
    try:
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def raw_server(handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator:
    """The port of a server that does as `handle` says with each connection."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def exchange(port: int, data: bytes) -> bytes:
    """What the server says to these bytes, until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


def post(body: bytes, path: str = "/mu/", *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


async def posted(reader: asyncio.StreamReader) -> tuple[str, Packet]:
    """Head and packet of the next POST on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
    return head, json.loads(await reader.readexactly(length))


def body_of(answer: bytes) -> Packet:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


# Messages and answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["é ☃ 😀 \u2028 \ud83d", 0, 2**60, 1.5, True, None, [], {}, {"deep": [[{}]]}])
async def test_http_brings_messages_there_and_answers_back(value: Any) -> None:
    async with serving(Echo()) as server, client_of(server.port) as client:
        message = request({"value": value})
        answer = await client.request(message)
        assert result_of(answer) == {"value": value}
        assert answer["protocol"]["path"] == message.packet["protocol"]["path"]
        assert len(answer["protocol"]["trace"]) == 3
        assert message.sent


async def test_http_keeps_many_messages_at_once_apart() -> None:
    echo = Echo(hold=True)
    async with serving(echo) as server, client_of(server.port) as client:
        asking = [asyncio.create_task(client.request(request({"n": n}, id=str(n)))) for n in range(50)]
        await echo.arrived(50)
        echo.held.reverse()  # the answers come in another order
        echo.answer_all()
        assert [result_of(await task) for task in asking] == [{"n": n} for n in range(50)]


async def test_http_uses_a_connection_again() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            _, packet = await posted(reader)
            body = json.dumps(packets.backward(packets.response(packet, 1), "raw")).encode()
            writer.write(OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async with raw_server(handle) as port, client_of(port) as client:
        for _ in range(5):
            await client.request(request())
    assert connections == 1


async def test_http_client_posts_what_nodes_server_expects() -> None:
    """And takes its answer: chunked, and with what a Node server leaks of its insides."""
    seen: list[tuple[str, Packet]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await posted(reader))
        protocol = seen[0][1]["protocol"]
        answer = {"err": None, "response": 3, "protocol": {**protocol, "path": ["1"], "inboundIfc": "x"}}
        body = json.dumps(answer).encode()
        writer.write(
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        )

    async with raw_server(handle) as port, client_of(port) as client:
        assert result_of(await client.request(request({"role": "basic", "cmd": "add"}))) == 3
    head, packet = seen[0]
    assert head.startswith("POST /mu/ HTTP/1.1\r\n")
    assert "Content-Type: application/json" in head
    protocol = packet["protocol"]
    assert packet["pattern"] == {"role": "basic", "cmd": "add"}
    assert protocol["path"] == ["1", protocol["src"]]
    assert protocol["dst"] == "target"


async def test_http_server_answers_as_nodes_client_expects() -> None:
    """Bytes by hand, as Node's mu-http sends them."""
    sent = {
        "pattern": {"role": "basic"},
        "protocol": {"path": ["cb", "node"], "trace": ["cb", "node"], "ttl": 10, "dst": "target", "src": "node"},
    }
    async with serving(Echo()) as server:
        answer = await exchange(server.port, post(json.dumps(sent).encode()))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: application/json" in answer
    body = body_of(answer)
    assert (body["err"], body["response"]) == (None, {"role": "basic"})
    assert body["protocol"]["path"] == ["cb"]
    assert body["protocol"]["dst"] == "node"
    assert body["protocol"]["trace"] == ["cb", "node", body["protocol"]["src"]]


async def test_http_messages_under_way_differ_in_their_sender() -> None:
    """Node's server keeps answers by sender, and may give one sender's to the wrong message."""
    echo = Echo(hold=True)
    async with serving(echo) as server, client_of(server.port) as client:
        asking = [asyncio.create_task(client.request(request())) for _ in range(3)]
        await echo.arrived(3)
        senders = {packet["protocol"]["src"] for packet, _ in echo.held}
        assert len(senders) == 3
        echo.answer_all()
        await asyncio.gather(*asking)
        again = asyncio.create_task(client.request(request()))
        await echo.arrived()
        assert echo.held[0][0]["protocol"]["src"] in senders
        echo.answer_all()
        await again


async def test_http_error_of_a_handler_is_an_answer_like_any_other() -> None:
    def fail(packet: Packet, reply: Reply) -> None:
        reply(packets.refusal(packet, ServiceError("no such user", status=404, data={"id": 1})))

    async with serving(fail) as server, client_of(server.port) as client:
        with pytest.raises(ServiceError, match="no such user") as caught:
            result_of(await client.request(request()))
        assert (caught.value.status, caught.value.data, caught.value.remote) == (404, {"id": 1}, True)
        answer = await exchange(server.port, post(json.dumps(packet()).encode()))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_http_serves_a_whole_mu() -> None:
    def add(args: dict[str, Any]) -> int:
        return args["first"] + args["second"]

    async def slow(args: dict[str, Any]) -> str:
        await asyncio.sleep(0.05)
        return "done"

    server = http.server()
    mu = Mu("adder")
    mu.define({"cmd": "add"}, add)
    mu.define({"cmd": "slow"}, slow)
    mu.inbound({"cmd": "*"}, server)
    async with mu, Mu("client") as caller:
        caller.outbound({}, http.client(port=str(server.port)))
        assert await caller.dispatch({"cmd": "add", "first": 1, "second": -1}) == 0
        assert await caller.dispatch({"cmd": "slow"}) == "done"
        with pytest.raises(ServiceError, match="KeyError|'first'"):
            await caller.dispatch({"cmd": "add"})
        with pytest.raises(NoRoute):
            await caller.dispatch({"cmd": "unknown"})
        with pytest.raises(NoRoute):
            await caller.dispatch({"role": "not let in"})
        with pytest.raises(DeadlineExceeded) as caught:
            await caller.dispatch({"cmd": "slow"}, timeout=0.02)
        assert caught.value.sent
        assert f"http 127.0.0.1:{server.port}" in str(caller.routes())


# What is no message ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"GET /mu/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (post(b"{}", "/elsewhere"), 404),
        (post(b""), 400),
        (post(b"{"), 400),
        (post(b"null"), 400),
        (post(b"[]"), 400),
        (post(b"{}"), 400),
        (post(b"\xff\xfe"), 400),
        (post(b"[" * 100_000), 400),
        (post(b'{"pattern":{"a":NaN},"protocol":{"path":["1"]}}'), 400),
        (post(b'{"pattern":{"a":1},"protocol":{"path":[]}}'), 400),
        (post(b'{"pattern":{"a":1},"protocol":{"path":[1]}}'), 400),
        (post(b'{"err":null,"response":{},"protocol":{"path":["1"]}}'), 400),
        (post(gzip.compress(json.dumps(packet()).encode()), "/mu/", "Content-Encoding: gzip"), 400),
        (b"POST /mu/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n", 400),
        (b"\x00\x01\x02\r\n\r\n", 400),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_http_server_refuses_what_is_no_message_and_lives_on(data: bytes, status: int) -> None:
    async with serving(Echo()) as server, client_of(server.port) as client:
        answer = await exchange(server.port, data)
        assert int(answer.split()[1]) == status
        assert result_of(await client.request(request({"still": "here"}))) == {"still": "here"}


async def test_http_server_says_what_it_expected() -> None:
    async with serving(Echo()) as server:
        answer = await exchange(server.port, post(b'{"protocol":{}}'))
    assert b"expected a message with a 'pattern', found none" in answer


async def test_http_server_refuses_a_body_that_is_too_large() -> None:
    async with serving(Echo(), max_frame=10_000) as server, client_of(server.port) as client:
        message = request({"text": "x" * 10_000})
        with pytest.raises(FrameTooLarge, match="413 (Request Entity|Content) Too Large") as caught:
            await client.request(message)
        assert (caught.value.sent, caught.value.remote) == (False, True)
        assert result_of(await client.request(request())) == {"a": 1}


async def test_http_client_hears_the_refusal_of_a_very_large_body() -> None:
    async with serving(Echo(), max_frame=10_000) as server, client_of(server.port, max_frame=64 << 20) as client:
        with pytest.raises((FrameTooLarge, ConnectionLost)):  # the connection may end before all is written
            await client.request(request({"text": "x" * (30 << 20)}))
        assert result_of(await client.request(request())) == {"a": 1}
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=5)  # aiohttp still waits for the rest


async def test_http_client_sends_nothing_that_is_too_large_or_no_json() -> None:
    echo = Echo()
    async with serving(echo) as server, client_of(server.port, max_frame=10_000) as client:
        for value, kind in (("x" * 10_000, FrameTooLarge), (object(), Unencodable)):
            message = request({"value": value})
            with pytest.raises(kind):
                await client.request(message)
            assert not message.sent
    assert echo.count == 0


async def test_http_carries_megabytes() -> None:
    text = "é" * (2 << 20)
    async with serving(Echo()) as server, client_of(server.port) as client:
        assert result_of(await client.request(request({"text": text}))) == {"text": text}


async def test_http_answer_that_is_too_large_comes_as_an_error() -> None:
    mu, server = Mu("server"), http.server(max_frame=10_000)
    mu.define({"cmd": "large"}, lambda args: "x" * 10_000)
    mu.define({"cmd": "bad"}, lambda args: object())
    mu.inbound("*", server)
    async with mu, Mu("client") as caller:
        caller.outbound({}, http.client(port=server.port))
        with pytest.raises(FrameTooLarge, match="an answer of at most 10,000 bytes"):
            await caller.dispatch({"cmd": "large"})
        with pytest.raises(Unencodable):
            await caller.dispatch({"cmd": "bad"})


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", TransportError, "503 Service Unavailable"),
        (
            b"HTTP/1.1 500 Oh\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbang",
            TransportError,
            "expected an answer of http 127.0.0.1:.*, found 500 Oh: bang",
        ),
        (b"HTTP/1.1 302 Found\r\nLocation: /mu/\r\nContent-Length: 0\r\n\r\n", TransportError, "302 Found"),
        (OK + b"Content-Length: 5\r\n\r\nhello", BadFrame, "expected a JSON object"),
        (OK + b"Content-Length: 4\r\n\r\nnull", BadFrame, "expected a JSON object"),
        (OK + b"Content-Length: 15\r\n\r\n" + b'{"protocol":{}}', BadFrame, "to another message"),
        (
            OK + b"Content-Length: 46\r\n\r\n" + b'{"pattern":{"a":1},"protocol":{"path":["1"]}} ',
            BadFrame,
            "found a request",
        ),
        (OK + b"Content-Length: 20000\r\n\r\n" + b"x" * 20000, FrameTooLarge, "at most 10,000 bytes"),
        (OK + b"Content-Length: 100\r\n\r\n" + b"cut off", ConnectionLost, "closed before the answer"),
        (b"mu\r\n\r\n", ConnectionLost, "closed before the answer"),
        (b"", ConnectionLost, "closed before the answer"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_http_client_reports_what_is_no_answer(answer: bytes, kind: type[MuError], said: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await posted(reader)
        writer.write(answer)
        await writer.drain()

    async with raw_server(handle) as port, client_of(port, max_frame=10_000) as client:
        message = request()
        with pytest.raises(kind, match=said) as caught:
            await client.request(message)
        assert type(caught.value) is kind
        assert caught.value.sent
        assert message.sent


# Connections ----------------------------------------------------------------------------------------------------------


async def test_http_client_tells_what_was_not_sent_when_nobody_listens(free_port: int) -> None:
    async with client_of(free_port) as client:
        message = request()
        with pytest.raises(
            ConnectFailed, match=f"cannot connect to http 127.0.0.1:{free_port}: nobody listens there"
        ) as caught:
            await client.request(message)
        assert caught.value.retryable
        assert not message.sent


async def test_http_client_bounds_the_time_to_connect(black_hole: int) -> None:
    async with client_of(black_hole, connect_timeout=0.05) as client:
        with pytest.raises(ConnectFailed, match="no answer within 0.05 s") as caught:
            await client.request(request())
        assert caught.value.retryable


async def test_http_client_connects_again_after_the_server_was_gone() -> None:
    first = http.server()
    await first.start(Echo())
    async with client_of(first.port) as client:
        await client.request(request())
        await first.close(1)
        with pytest.raises((ConnectFailed, ConnectionLost)):
            await client.request(request())
        async with serving(Echo(), port=first.port):
            assert result_of(await client.request(request())) == {"a": 1}


async def test_http_client_that_leaves_does_not_disturb_others() -> None:
    echo = Echo(hold=True)
    async with serving(echo) as server, client_of(server.port) as leaving, client_of(server.port) as staying:
        tasks = [asyncio.create_task(client.request(request())) for client in (leaving, staying)]
        await echo.arrived(2)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        await leaving.close()
        echo.answer_all()
        assert result_of(await tasks[1]) == {"a": 1}


@pytest.mark.parametrize("sent", [post(b"{" * 100)[:-50], post(json.dumps(packet()).encode())], ids=["body", "answer"])
async def test_http_server_survives_a_connection_that_is_cut(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """While the body still comes, or while the client waits for the answer."""
    echo = Echo(hold=True)
    async with serving(echo) as server, client_of(server.port) as client:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        echo.answer_all()
        echo.hold = False
        assert result_of(await client.request(request())) == {"a": 1}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_http_client_cancelled_leaves_its_connection_out_of_use() -> None:
    """What was meant for the cancelled one must not come to the next."""
    echo = Echo(hold=True)
    async with serving(echo) as server, client_of(server.port, pool=1) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.request(request({"n": 1})), 0.05)
        echo.answer_all()
        echo.hold = False
        assert result_of(await client.request(request({"n": 2}))) == {"n": 2}


async def test_http_client_ends_what_waits_when_it_is_closed() -> None:
    echo = Echo(hold=True)
    async with serving(echo) as server:
        client = http.client(port=server.port)
        waiting = asyncio.create_task(client.request(request()))
        await echo.arrived()
        await client.close()
        with pytest.raises(Closed) as caught:
            await asyncio.wait_for(waiting, 5)
        assert caught.value.sent
        assert not client.available
        with pytest.raises(Closed, match="is closed") as caught:
            await client.request(request())
        assert not caught.value.sent
        await client.close()


async def test_http_client_closed_while_it_connects_says_so(black_hole: int) -> None:
    client = http.client(port=black_hole)
    waiting = asyncio.create_task(client.request(request()))
    await asyncio.sleep(0.05)
    await client.close()
    with pytest.raises(Closed) as caught:
        await asyncio.wait_for(waiting, 2)
    assert not caught.value.sent


# Closing a server -----------------------------------------------------------------------------------------------------


async def test_http_server_answers_what_is_under_way_before_it_closes() -> None:
    echo = Echo(hold=True)
    server = http.server()
    await server.start(echo)
    async with client_of(server.port) as client, client_of(server.port) as late:
        waiting = asyncio.create_task(client.request(request()))
        await echo.arrived()
        closing = asyncio.create_task(server.close(5))
        await asyncio.sleep(0.02)
        with pytest.raises(ConnectFailed):
            await late.request(request())
        assert not closing.done()
        echo.answer_all()
        assert result_of(await waiting) == {"a": 1}
        await asyncio.wait_for(closing, 2)
    await server.close(5)


async def test_http_server_answers_what_was_on_its_way_when_it_closed() -> None:
    """On a connection that was idle, and says afterwards that it is of no more use."""
    server = http.server()
    await server.start(Echo())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    message = post(json.dumps(packet()).encode()).replace(b"Connection: close", b"Connection: keep-alive")
    writer.write(message)
    assert b"close" not in await reader.readuntil(b"\r\n\r\n")
    closing = asyncio.create_task(server.close(5))
    await asyncio.sleep(0.02)
    writer.write(message)
    assert (await asyncio.wait_for(reader.read(), 2)).count(b"Connection: close") == 1
    await asyncio.wait_for(closing, 2)
    writer.close()


async def test_http_servers_restart_behind_a_balance_without_a_loss() -> None:
    servers = [http.server() for _ in range(2)]
    mus = [Mu(str(number)) for number in range(2)]

    async def work(args: dict[str, Any]) -> int:
        await asyncio.sleep(0.001)
        return args["n"]

    for mu, server in zip(mus, servers, strict=True):
        mu.define({"n": "*"}, work)
        mu.inbound("*", server)
        await mu.start()

    async def ask_on(start: int) -> None:
        for n in range(start, start + 100):
            assert await caller.dispatch({"n": n}) == n

    async with Mu("client") as caller:
        caller.outbound("*", balance([breaker(http.client(port=server.port)) for server in servers]))
        asking = [asyncio.create_task(ask_on(1000 * number)) for number in range(10)]
        await asyncio.sleep(0.1)
        await mus[0].tear_down()
        await asyncio.gather(*asking)
    await mus[1].tear_down()


async def test_http_server_tells_those_it_cannot_answer_in_time(caplog: pytest.LogCaptureFixture) -> None:
    echo = Echo(hold=True)
    server = http.server()
    await server.start(echo)
    async with client_of(server.port) as client:
        waiting = asyncio.create_task(client.request(request()))
        await echo.arrived()
        await asyncio.wait_for(server.close(0.05), 2)
        with pytest.raises(Closed, match="shut down before the answer") as caught:
            result_of(await waiting)
        assert (caught.value.sent, caught.value.remote) == (True, True)
        echo.answer_all()
    assert "1 messages were not answered within 0.05 s" in caplog.text


async def test_http_server_closes_at_once_when_connections_are_idle_or_stalled() -> None:
    server = http.server()
    await server.start(Echo())
    streams: list[Streams] = []
    for sent in (b"", b"POST /mu/ HT", post(b"x" * 100)[:-50]):
        streams.append(await asyncio.open_connection("127.0.0.1", server.port))
        streams[-1][1].write(sent)
    async with client_of(server.port) as client:
        await client.request(request())
        await asyncio.wait_for(server.close(0.05), 2)
    for reader, writer in streams:
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 2)
        writer.close()


async def test_http_server_can_start_again_at_its_port() -> None:
    server = http.server()
    for _ in range(2):
        await server.start(Echo())
        async with client_of(server.port) as client:
            assert result_of(await client.request(request())) == {"a": 1}
        await server.close(1)


async def test_http_server_says_which_port_is_taken() -> None:
    async with serving(Echo()) as server:
        with pytest.raises(
            TransportError, match=f"expected port {server.port} of 127.0.0.1 to be free, found it taken"
        ):
            await http.server(port=server.port).start(Echo())


async def test_http_server_says_when_an_address_is_not_its_own() -> None:
    with pytest.raises(TransportError, match="cannot listen at 192.0.2.1, port 0"):
        await http.server(host="192.0.2.1").start(Echo())


# Options --------------------------------------------------------------------------------------------------------------


async def test_http_pool_bounds_the_connections() -> None:
    echo = Echo(hold=True)
    async with serving(echo) as server, client_of(server.port, pool=2) as client:
        asking = [asyncio.create_task(client.request(request())) for _ in range(6)]
        most = 0
        async with asyncio.timeout(5):
            while not all(task.done() for task in asking):
                most = max(most, len(echo.held))
                echo.answer_all()
                await asyncio.sleep(0.01)
        assert most == 2


async def test_http_speaks_ipv6() -> None:
    try:
        server = http.server(host="::1")
        await server.start(Echo())
    except TransportError:
        pytest.skip("no IPv6 here")
    async with client_of(server.port, host="::1") as client:
        assert result_of(await client.request(request())) == {"a": 1}
    await server.close(0)


async def test_http_speaks_tls(certificate: Path) -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    theirs = ssl.create_default_context(cafile=certificate)
    async with serving(Echo(), ssl=ours) as server:
        async with client_of(server.port, host="localhost", ssl=theirs) as client:
            assert result_of(await client.request(request())) == {"a": 1}
        async with client_of(server.port, ssl=theirs, server_hostname="localhost") as client:
            assert result_of(await client.request(request())) == {"a": 1}
        async with client_of(server.port, host="localhost", ssl=True) as stranger:
            with pytest.raises(ConnectFailed, match="(?i)certificate") as caught:
                await stranger.request(request())
            assert not caught.value.sent
        async with client_of(server.port) as plain:
            with pytest.raises((ConnectionLost, TransportError)):
                await plain.request(request())


@pytest.mark.parametrize("make", [http.client, http.server])
def test_http_takes_ports_from_the_environment_and_says_what_is_none(make: Callable[..., Any]) -> None:
    assert str(make(port="8080", host="adder")) == "http adder:8080"
    with pytest.raises(ValueError, match="expected a port from 0 to 65535, found 'web'"):
        make(port="web")


def test_http_loads_aiohttp_only_when_it_is_used() -> None:
    code = (
        "import sys; from mu import http; print('aiohttp' in sys.modules); http.client; print('aiohttp' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


def test_http_without_aiohttp_names_the_extra() -> None:
    code = "import sys; sys.modules['aiohttp'] = None; from mu import http; http.client(port=1)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: expected aiohttp for mu's http, found none: install the extra http" in ran.stderr
