"""Servers that send whatever they like, and our caller: each dispatch ends once, and the next one works."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from interop.raw import Raw, framed, raw_server, request, response
from interop.service import basic, caller

from mu import (
    ConnectionLost,
    DeadlineExceeded,
    FrameTooLarge,
    FrameworkError,
    MuError,
    NoRoute,
    ServiceError,
    TransportError,
)
from mu.frames import varint

Serve = Callable[[Raw], Awaitable[None]]
ADD = basic("add", first=1, second=2)


async def answering(connection: Raw) -> None:
    while True:
        await connection.send(response(await connection.receive(), response=3))


def first(connection_does: Serve) -> Serve:
    """The first connection does that, all later ones answer as they should."""
    seen = 0

    async def serve(connection: Raw) -> None:
        nonlocal seen
        seen += 1
        await (connection_does if seen == 1 else answering)(connection)

    return serve


BAD = {
    "null": framed("null"),
    "list": framed("[]"),
    "text": framed('"x"'),
    "empty object": framed("{}"),
    "no protocol": framed({"err": None, "response": 3}),
    "protocol null": framed({"err": None, "response": 3, "protocol": None}),
    "no JSON": framed("hello"),
    "NaN": framed('{"err": null, "response": NaN, "protocol": {"path": ["a"]}}'),
    "no UTF-8": framed(b'{"err": "\xff", "protocol": {}}'),
    "very deep": framed("[" * 100_000),
    "an empty frame": b"\0",
    "2 GB announced": varint(1 << 31),
    "256 TB announced": varint(1 << 48),
    "a length without end": b"\xff" * 100_000,
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + b" " * 20_000,
    "half a frame": framed("{}" * 100)[:100],
    "nothing": b"",
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in BAD.items()])
async def test_bad_bytes_end_the_connection_and_all_that_wait(data: bytes) -> None:
    async def bad(connection: Raw) -> None:
        for _ in range(3):
            await connection.receive()
        await connection.send_bytes(data)
        if data in (BAD["half a frame"], BAD["nothing"]):
            return
        await connection.closed()

    async with raw_server(first(bad)) as port, caller(port) as mu:
        results: list[Any] = await asyncio.gather(*(mu.dispatch(ADD) for _ in range(3)), return_exceptions=True)
        assert [(type(each), each.sent) for each in results] == [(ConnectionLost, True)] * 3
        assert await mu.dispatch(ADD) == 3
        assert mu.stats()["waiting"] == 0


@pytest.mark.parametrize("way", ["half_close", "reset"])
async def test_a_server_that_leaves_fails_all_that_wait(way: str) -> None:
    async def leaving(connection: Raw) -> None:
        for _ in range(3):
            await connection.receive()
        getattr(connection, way)()
        await connection.closed()

    async with raw_server(first(leaving)) as port, caller(port) as mu:
        results = await asyncio.gather(*(mu.dispatch(ADD) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in results] == [ConnectionLost] * 3
        assert await mu.dispatch(ADD) == 3


async def test_a_server_that_ends_after_its_answer_is_connected_again() -> None:
    async def once(connection: Raw) -> None:
        await connection.send(response(await connection.receive(), response=3))

    async with raw_server(once) as port, caller(port) as mu:
        for _ in range(5):
            assert await mu.dispatch(ADD) == 3
            await asyncio.sleep(0.02)  # a message that crosses with the end is lost


RESULTS: list[tuple[dict[str, Any], Any]] = [
    ({"response": 3}, 3),
    ({"response": 0}, 0),
    ({"response": ""}, ""),
    ({"response": False}, False),
    ({"response": None}, None),
    ({"response": []}, []),
    ({"response": {}}, {}),
    ({"response": {}, "value": 0}, 0),
    ({"response": {}, "value": None}, None),
    ({"response": {"value": 1}}, {"value": 1}),
    ({}, None),
]


@pytest.mark.parametrize(("content", "result"), RESULTS, ids=str)
async def test_a_result_is_what_the_response_says(content: dict[str, Any], result: Any) -> None:
    async def serve(connection: Raw) -> None:
        await connection.send(response(await connection.receive(), **content))

    async with raw_server(serve) as port, caller(port) as mu:
        found = await mu.dispatch(ADD)
        assert found == result
        assert type(found) is type(result)


def boom(code: Any = 1, **more: Any) -> dict[str, Any]:
    """An error as Node's mu writes it."""
    return {"isBoom": True, "message": "bang", "output": {"statusCode": 500, "mu": {"code": code}}, **more}


NOT_AVAILABLE = "Routing error: no available transport function"
ERRORS: dict[str, tuple[Any, type[MuError], str]] = {
    "a text": ("broken", ServiceError, "^broken$"),
    "a number": (5, ServiceError, "^5$"),
    "true": (True, ServiceError, "True"),
    "a list": ([1], ServiceError, "1"),
    "an empty object": ({}, ServiceError, "without a word"),
    "only a message": ({"message": "bang"}, ServiceError, "^bang$"),
    "an odd message": ({"message": {"a": 1}}, ServiceError, "a"),
    "an odd output": ({"message": "bang", "output": [1]}, ServiceError, "^bang$"),
    "an odd status": (boom(output={"statusCode": "many", "mu": {}}), ServiceError, "^bang$"),
    "an odd code": (boom({"a": 1}), ServiceError, "^bang$"),
    "of a handler": (boom(1, data={"a": 1}), ServiceError, "^bang$"),
    "no route, mu 2.0": (boom(3, data=request(ADD)), NoRoute, "^bang$"),
    "no route, mu 2.1": (boom(2, message=NOT_AVAILABLE), NoRoute, NOT_AVAILABLE),
    "unknown": (boom(99), ServiceError, "^bang$"),
    "a kind of ours": (boom(output={"mu": {"code": 2, "kind": "Unencodable"}}), FrameworkError, "^bang$"),
    "a kind of nobody": (boom(output={"mu": {"code": 3, "kind": "SystemExit"}}), TransportError, "^bang$"),
}


@pytest.mark.parametrize(("err", "kind", "match"), [pytest.param(*values, id=name) for name, values in ERRORS.items()])
@pytest.mark.parametrize("more", [{"response": {}}, {"response": None}, {}, {"response": 3}], ids=str)
async def test_an_error_is_raised_whatever_its_shape(err: Any, kind: type[MuError], match: str, more: Any) -> None:
    async def serve(connection: Raw) -> None:
        await connection.send(response(await connection.receive(), err=err, **more))

    async with raw_server(serve) as port, caller(port) as mu:
        with pytest.raises(kind, match=match) as caught:
            await mu.dispatch(ADD)
        assert caught.value.remote
        assert 400 <= caught.value.status <= 599


async def test_a_second_an_unknown_and_a_late_answer_are_dropped() -> None:
    async def serve(connection: Raw) -> None:
        late = await connection.receive()
        asked = await connection.receive()
        unknown = {"path": ["nobody"], "trace": []}
        await connection.send(response(asked, response="first"), response(asked, response="second"))
        await connection.send({"err": None, "response": "unknown", "protocol": unknown})
        await connection.send(response(late, response="late"))
        await connection.send(response(await connection.receive(), response="third"))

    async with raw_server(serve) as port, caller(port) as mu:
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch(ADD, timeout=0.05)
        assert await mu.dispatch(ADD) == "first"
        assert await mu.dispatch(ADD) == "third"


PATHS: list[Any] = [None, [], "raw-id", {"0": "raw-id"}, [1], [["raw-id"]], [{}], ["__proto__"], ["a"] * 10_000]


async def test_answers_with_odd_paths_are_dropped() -> None:
    async def serve(connection: Raw) -> None:
        asked = await connection.receive()
        for path in PATHS:
            await connection.send({"err": None, "response": "odd", "protocol": {"path": path}})
        await connection.send({"err": None, "response": "odd", "protocol": {}}, {"protocol": asked["protocol"]})
        await connection.send(response(asked, response="right"))

    async with raw_server(serve) as port, caller(port) as mu:
        assert await mu.dispatch(ADD) == "right"


async def test_a_request_from_a_server_gets_no_answer() -> None:
    async def serve(connection: Raw) -> None:
        asked = await connection.receive()
        await connection.send(request(ADD), asked, response(asked, response=3))
        again = await connection.receive()
        assert "pattern" in again
        await connection.send(response(again, response=4))
        await connection.closed()

    async with raw_server(serve) as port, caller(port) as mu:
        mu.define(ADD, lambda _: pytest.fail("a server has no messages for this process"))
        assert await mu.dispatch(basic("mul")) == 3
        assert await mu.dispatch(basic("mul")) == 4


async def test_an_answer_in_segments_of_one_byte_is_read() -> None:
    async def serve(connection: Raw) -> None:
        for byte in framed(response(await connection.receive(), response="Größe 😀" * 20)):
            await connection.send_bytes(bytes([byte]))
            await asyncio.sleep(0)

    async with raw_server(serve) as port, caller(port) as mu:
        assert await mu.dispatch(ADD) == "Größe 😀" * 20


async def test_an_answer_over_the_limit_ends_the_connection() -> None:
    async def serve(connection: Raw) -> None:
        await connection.send(response(await connection.receive(), response="x" * 100_000))
        await connection.closed()

    async with raw_server(first(serve)) as port, caller(port, max_frame=50_000) as mu:
        with pytest.raises(ConnectionLost, match="expected a frame of at most 50,000 bytes"):
            await mu.dispatch(ADD)
        assert await mu.dispatch(ADD) == 3


async def test_a_message_over_the_limit_is_not_sent() -> None:
    async with raw_server(answering) as port, caller(port, max_frame=50_000) as mu:
        with pytest.raises(FrameTooLarge, match="raise max_frame") as caught:
            await mu.dispatch(basic("echo", value="x" * 50_000))
        assert not caught.value.sent
        assert await mu.dispatch(ADD) == 3


async def test_every_request_has_what_node_needs() -> None:
    seen: list[dict[str, Any]] = []

    async def serve(connection: Raw) -> None:
        for _ in range(3):
            seen.append(await connection.receive())
            await connection.send(response(seen[-1], response=3))

    async with raw_server(serve) as port:
        for _ in range(2):
            async with caller(port) as mu:
                for _ in range(3):
                    await mu.dispatch(ADD)
    for packet in seen:
        assert packet["pattern"] == ADD
        protocol = packet["protocol"]
        id, muid = protocol["path"]
        assert protocol["trace"] == [id, muid]
        assert (protocol["src"], protocol["dst"], protocol["ttl"]) == (muid, "target", 10)
    muids = [packet["protocol"]["src"] for packet in seen]
    assert len(set(muids[:3])) == len(set(muids[3:])) == 1
    assert len(set(muids)) == 2  # a name of its own for each connection
    assert len({packet["protocol"]["path"][0] for packet in seen}) == 6


async def test_length_and_message_leave_in_one_segment() -> None:
    """Node dies of a length that comes in two."""
    async with asyncio.timeout(10):
        pieces: asyncio.Queue[bytes] = asyncio.Queue()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await pieces.put(await reader.read(1 << 16))
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1")
        async with server, caller(server.sockets[0].getsockname()[1]) as mu:
            with pytest.raises(ConnectionLost):
                await mu.dispatch(ADD)
            data = await pieces.get()
            assert data[2:] == json.dumps(json.loads(data[2:]), separators=(",", ":")).encode()
