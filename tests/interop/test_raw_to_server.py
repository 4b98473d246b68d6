"""Peers that send whatever they like, and our server: it never dies, and the connections of others do not notice."""

import asyncio
import contextlib
import json
import resource
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from interop.raw import Raw, framed, request
from interop.service import basic, service

from mu import Mu, tcp
from mu.frames import varint

ADD = basic("add", first=1, second=2)


@contextlib.asynccontextmanager
async def unharmed(**options: Any) -> AsyncIterator[tuple[int, Mu]]:
    """The port of a service that others use before, meanwhile and afterwards."""
    async with service(server := tcp.server(**options)) as mu, await Raw.to(server.port) as bystander:
        assert (await bystander.ask(ADD))["response"] == 3
        await bystander.send(request(basic("slow", ms=20)))
        yield server.port, mu
        assert (await bystander.receive())["response"] == 20
        assert (await bystander.ask(ADD))["response"] == 3
        async with await Raw.to(server.port) as newcomer:
            assert (await newcomer.ask(ADD))["response"] == 3


def without(key: str) -> dict[str, Any]:
    packet = request(ADD)
    del packet["protocol"][key]
    return packet


BAD_FRAMES: dict[str, Any] = {
    "empty object": "{}",
    "null": "null",
    "list": "[]",
    "text": '"x"',
    "number": "5",
    "no protocol": {"pattern": ADD},
    "protocol null": {"pattern": ADD, "protocol": None},
    "protocol a list": {"pattern": ADD, "protocol": []},
    "no path": without("path"),
    "path empty": request(ADD, path=[]),
    "path a text": request(ADD, path="abc"),
    "path an object": request(ADD, path={"0": "a"}),
    "path of numbers": request(ADD, path=[1, 2]),
    "path of lists": request(ADD, path=[["a"], ["b"]]),
    "path of 10,000": request(ADD, path=["a"] * 10_000),
    "pattern null": request(None),
    "pattern a list": request([1]),
    "pattern a text": request("x"),
    "no JSON": "hello, is anybody there?",
    "half JSON": '{"pattern":',
    "two in one": '{"protocol":{}}{"protocol":{}}',
    "NaN": json.dumps(request(basic("echo", value=float("nan")))),
    "infinity": json.dumps(request(basic("echo", value=float("-inf")))),
    "no UTF-8": json.dumps(request(ADD)).encode().replace(b"raw-id", b"raw\xff\xfe"),
    "UTF-16": json.dumps(request(ADD)).encode("utf-16"),
    "very deep": "[" * 100_000,
    "very deep within": json.dumps(request(basic("echo", value="?"))).replace('"?"', "[" * 100_000 + "]" * 100_000),
    "a number too long": json.dumps(request(basic("echo", value="?"))).replace('"?"', "9" * 100_000),
}

BAD_BYTES = {
    "an empty frame": b"\0",
    "2 GB announced": varint(1 << 31),
    "256 TB announced": varint(1 << 48) + b"{" * 1000,
    "17 MB announced": varint(17 << 20),
    "a length of 9 bytes": b"\x80" * 8 + b"\x01{",
    "a length without end": b"\xff" * 100_000,
    "zeros without end": b"\x80" * 100_000,
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("packet", [pytest.param(packet, id=name) for name, packet in BAD_FRAMES.items()])
async def test_a_bad_frame_ends_its_own_connection(packet: Any) -> None:
    async with unharmed() as (port, _), await Raw.to(port) as bad:
        assert (await bad.ask(ADD))["response"] == 3
        await bad.send(packet)
        await bad.closed()


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in BAD_BYTES.items()])
async def test_bytes_that_are_no_frame_end_their_own_connection(data: bytes) -> None:
    async with unharmed() as (port, _), await Raw.to(port) as bad:
        await bad.send_bytes(data + (b"x" * 100 if data.startswith(b"GET") else b""))
        await bad.closed()


async def test_a_frame_over_the_limit_is_refused_before_it_comes() -> None:
    async with unharmed(max_frame=1000) as (port, _), await Raw.to(port) as bad:
        await bad.send(request(basic("echo", value="x" * 700)))
        assert (await bad.receive())["response"] == "x" * 700
        await bad.send_bytes(framed(request(basic("echo", value="x" * 1000)))[:100])
        await bad.closed()


ODD: dict[str, Any] = {
    "no src": without("src"),
    "another src": request(ADD, src="somebody"),
    "src a number": request(ADD, src=5),
    "no trace": without("trace"),
    "trace a text": request(ADD, trace="abc"),
    "no ttl": without("ttl"),
    "ttl a text": request(ADD, ttl="ten"),
    "no dst": without("dst"),
    "another dst": request(ADD, dst={"a": 1}),
    "ids of JavaScript": request(ADD, "__proto__", "constructor"),
    "a path of 100": request(ADD, path=["a"] * 100),
    "more at the top": {**request(ADD), "more": [1], "response": 5},
    "a deadline that is none": request(ADD, deadline="soon"),
    "a traceparent that is none": request(ADD, traceparent=[1]),
    "hops that are none": request(ADD, hops={"a": 1}),
    "keys twice": json.dumps(request(ADD)).replace('"first": 1', '"first": 7, "first": 1'),
    "white space": json.dumps(request(ADD), indent=8) + "\r\n \t",
}


@pytest.mark.parametrize("packet", [pytest.param(packet, id=name) for name, packet in ODD.items()])
async def test_what_is_only_odd_is_answered(packet: Any) -> None:
    async with unharmed() as (port, _), await Raw.to(port) as odd:
        await odd.send(packet)
        assert (await odd.receive())["response"] == 3


VALUES = {
    "names of the protocol": {"pattern": {"a": 1}, "response": {"b": 2}, "protocol": 3},
    "names of JavaScript": {"__proto__": 1, "constructor": {"prototype": 2}},
    "integers of any size": [2**53 + 1, -(2**64), 10**100],
    "depth": json.loads("[" * 200 + "]" * 200),
}


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in VALUES.items()])
async def test_data_may_be_anything(value: Any) -> None:
    async with unharmed() as (port, _), await Raw.to(port) as raw:
        assert (await raw.ask(basic("echo", value=value)))["response"] == value


async def test_a_number_too_large_comes_back_as_null() -> None:
    async with unharmed() as (port, _), await Raw.to(port) as raw:
        await raw.send(json.dumps(request(basic("echo", value="?"))).replace('"?"', "1e400"))
        answer = await raw.receive()
        assert (answer["err"], answer["response"], answer["value"]) == (None, {}, None)


@pytest.mark.parametrize("word", ["constructor", "__proto__", "toString", "hasOwnProperty", "add\0"])
async def test_values_that_end_node_have_no_route(word: str) -> None:
    async with unharmed() as (port, _), await Raw.to(port) as raw:
        assert (await raw.ask({"role": word, "cmd": "add"}))["err"]["output"]["mu"]["code"] == 3
        assert (await raw.ask(basic(word)))["err"]["output"]["mu"]["code"] == 3


STRAYS: dict[str, Any] = {
    "of a Node relay": {
        "err": None,
        "response": {},
        "protocol": {"path": ["an-id"], "trace": ["an-id"], "ttl": 10, "dst": "a-muid", "src": "b-muid"},
    },
    "with an error": {"err": {"isBoom": True}, "response": {}, "protocol": {"path": ["an-id"]}},
    "of a Node caller": {"err": {"isBoom": True}, "response": {}, "protocol": {"path": [], "trace": [], "src": "a"}},
    "without a path": {"err": None, "response": 5, "protocol": {}},
    "with an odd path": {"err": None, "response": 5, "protocol": {"path": {"a": [1]}}},
    "with nothing": {"protocol": {}},
}


@pytest.mark.parametrize("packet", [pytest.param(packet, id=name) for name, packet in STRAYS.items()])
async def test_a_response_to_nothing_is_dropped_without_an_answer(packet: Any) -> None:
    async with unharmed() as (port, _), await Raw.to(port) as raw:
        await raw.send(packet, packet)
        answer = await raw.ask(ADD, id="the-next")
        assert (answer["response"], answer["protocol"]["path"]) == (3, ["the-next"])


async def test_segments_of_one_byte_are_read() -> None:
    async with unharmed() as (port, _), await Raw.to(port) as raw:
        for byte in framed(request(basic("echo", value="Größe 😀"))):
            await raw.send_bytes(bytes([byte]))
            await asyncio.sleep(0)
        assert (await raw.receive())["response"] == "Größe 😀"


async def test_a_message_of_5_mb_is_read_and_answered() -> None:
    async with unharmed() as (port, _), await Raw.to(port) as raw:
        assert (await raw.ask(basic("echo", value="x" * 5_000_000)))["response"] == "x" * 5_000_000


async def test_a_slow_sender_holds_up_nobody() -> None:
    async with unharmed() as (port, _), await Raw.to(port) as slow, await Raw.to(port) as other:
        for byte in framed(request(ADD))[:200]:
            await slow.send_bytes(bytes([byte]))
            assert (await other.ask(ADD))["response"] == 3


async def test_half_a_frame_before_the_end_is_dropped() -> None:
    async with unharmed() as (port, mu), await Raw.to(port) as raw:
        await raw.send_bytes(framed(request(ADD)) + framed(request(ADD))[:50])
        raw.half_close()
        assert (await raw.receive())["response"] == 3
        await raw.closed()
        assert mu.stats()["handled"] == 2  # with the bystander's


async def test_all_is_answered_to_one_that_sends_no_more() -> None:
    async with unharmed() as (port, _), await Raw.to(port) as raw:
        await raw.send(request(basic("slow", ms=50)), request(basic("slow", ms=20)), request(ADD))
        raw.half_close()
        assert [(await raw.receive())["response"] for _ in range(3)] == [3, 20, 50]
        await raw.closed()


@pytest.mark.parametrize("way", ["close", "reset"])
@pytest.mark.parametrize("said", ["nothing", "half a length", "half a frame", "a message"])
async def test_one_that_leaves_takes_nobody_along(way: str, said: str) -> None:
    message = framed(request(basic("slow", ms=50)))
    data = {"nothing": b"", "half a length": message[:1], "half a frame": message[:100], "a message": message}[said]
    async with unharmed() as (port, mu):
        for _ in range(20):
            async with await Raw.to(port) as raw:
                await raw.send_bytes(data)
                if way == "reset":
                    raw.reset()
        assert mu.stats()["failed"] == 0


CROWD = """
import resource, socket, sys
port, count, message = int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
connections = []
while len(connections) < count:
    connections.append(socket.create_connection(("127.0.0.1", port)))
    if len(connections) % 500 == 0:  # wait for the server, as more than 1024 that it has not accepted would
        connections[-1].sendall(message)
        connections[-1].recv(1000)
print("here", flush=True)
sys.stdin.read()
"""


async def test_ten_thousand_idle_connections_do_not_disturb() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        async with unharmed() as (port, _), crowd(port, min(10_000, hard - 500)), await Raw.to(port) as raw:
            assert (await raw.ask(ADD))["response"] == 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.asynccontextmanager
async def crowd(port: int, count: int) -> AsyncIterator[None]:
    """So many connections of another process."""
    command = [sys.executable, "-S", "-c", CROWD, str(port), str(count), framed(request(ADD)).hex()]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdout
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"here\n"
        yield
    finally:
        await process.communicate(b"")
