"""What Node's own faults make impossible: each is seen here once. docs/mu-and-node.md lists them."""

import asyncio
from typing import Any

import pytest
from interop.node import Node
from interop.raw import Raw, framed, raw_server, request, response
from interop.service import basic

from fuge import ports

ADD = basic("add", first=1, second=2)
PACKET = framed(request(ADD))


def without(key: str) -> bytes:
    packet = request(ADD)
    del packet["protocol"][key]
    return framed(packet)


FATAL = {
    "an empty object": framed("{}"),
    "no trace": without("trace"),
    "no path": without("path"),
    "another src": framed(request(ADD, src="somebody")),
    "the first byte of a length": PACKET[:1],
    "a value of JavaScript": framed(request(basic("constructor"))),
    "a response to nothing": framed(response(request(ADD), response={})),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in FATAL.items()])
async def test_a_server_dies_of(port: int, data: bytes) -> None:
    async with Node("srv.js", port) as node, await Raw.to(port) as raw:
        await raw.send_bytes(data)
        await node.death()


async def test_a_server_dies_when_a_caller_leaves_before_its_answer(port: int) -> None:
    async with Node("srv.js", port) as node:
        async with await Raw.to(port) as raw:
            await raw.send(request(basic("slow", ms=200)))
            await node.alive()
        await node.death()


async def test_a_server_dies_when_somebody_else_leaves_before_an_answer(port: int) -> None:
    async with Node("srv.js", port) as node, await Raw.to(port) as raw:
        async with await Raw.to(port):
            await raw.send(request(basic("slow", ms=200)))
            await node.alive()
        await node.death()


async def test_a_server_dies_when_it_is_torn_down_before_an_answer(port: int) -> None:
    async with Node("srv.js", port) as node, await Raw.to(port) as raw:
        await raw.send(request(basic("slow", ms=200)))
        await node.alive()
        await node.tell("tearDown")
        await node.death()


async def test_a_server_does_not_look_at_the_ttl(port: int) -> None:
    async with Node("srv.js", port), await Raw.to(port) as raw:
        assert (await raw.ask(ADD, ttl=0))["response"] == 3


async def test_a_server_loses_digits(port: int) -> None:
    async with Node("srv.js", port), await Raw.to(port) as raw:
        assert (await raw.ask(basic("echo", value=2**53 + 1)))["response"] == 2**53


async def test_a_service_behind_a_relay_of_node_works_once(port: int) -> None:
    other = ports.free(1, taken=[port])[0]
    async with Node("srv.js", port) as last, Node("relay.js", other, port), await Raw.to(other) as raw:
        assert (await raw.ask(ADD))["response"] == 3
        await last.death()


FATAL_ERRORS = {"text": "bang", "no boom": {"message": "bang"}, "no output": {"isBoom": True, "message": "bang"}}


@pytest.mark.parametrize("err", FATAL_ERRORS.values(), ids=FATAL_ERRORS)
async def test_a_caller_dies_of_an_error_that_is(err: Any) -> None:
    async def serve(connection: Raw) -> None:
        await connection.send(response(await connection.receive(), err=err, response={}))

    async with raw_server(serve) as port, Node("cli.js", port) as node:
        await node.tell("dispatch", [ADD])
        await node.death()


async def test_a_caller_dies_of_the_first_byte_of_a_length() -> None:
    async def serve(connection: Raw) -> None:
        await connection.send_bytes(framed(response(await connection.receive(), response=3))[:1])
        await connection.closed()

    async with raw_server(serve) as port, Node("cli.js", port) as node:
        await node.tell("dispatch", [ADD])
        await node.death()


@pytest.mark.parametrize("key", ["pattern", "response"])
async def test_a_caller_dies_of_a_message_that_looks_like_a_packet(port: int, key: str) -> None:
    async with Node("cli.js", port) as node:
        await node.tell("dispatch", [{**ADD, key: {"role": "basic"}}])
        await node.death()


async def test_a_caller_is_called_back_by_each_answer() -> None:
    async def serve(connection: Raw) -> None:
        asked = await connection.receive()
        await connection.send(response(asked, response="first"), response(asked, response="second"))
        await connection.closed()

    async with raw_server(serve) as port, Node("cli.js", port) as node:
        await node.tell("dispatch", [ADD])
        assert [(await node.hear())["response"] for _ in range(2)] == ["first", "second"]


async def test_a_caller_never_hears_of_a_false_response() -> None:
    async def serve(connection: Raw) -> None:
        packet = await connection.receive()
        if "pattern" not in packet:
            return  # it complains of each, over a connection of its own
        for content in (0, "", False, None):
            await connection.send(response(packet, response=content))
            packet = await connection.receive()
        await connection.send(response(packet, response=3))

    async with raw_server(serve) as port, Node("cli.js", port) as node:
        await node.tell("dispatch", [ADD] * 5)
        assert await node.hear() == {"n": 4, "err": None, "response": 3}
        await node.alive()
        assert node.unheard == []


async def test_a_caller_never_hears_of_a_server_that_ended() -> None:
    ended = asyncio.Event()

    async def serve(connection: Raw) -> None:
        await connection.receive()
        ended.set()

    async with raw_server(serve) as port, Node("cli.js", port) as node:
        await node.tell("dispatch", [ADD])
        await ended.wait()
        await node.alive()
        assert node.unheard == []
