"""mu's frames and packets: as a server meets them, by TCP and by HTTP, and as a client does."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
from fuzz.json_values import changing
from fuzz.target import Check, Misbehaved, Target, watched_loop
from interop.raw import framed

from mu import Mu, MuError, ServiceError, http, retry, tcp
from mu.codec import encode
from mu.frames import FrameReader, frame
from mu.packet import is_request, request, response

LARGEST = 64 << 10  # bytes of a frame: the limit is within reach
PATIENCE = 4.0  # seconds for an answer, or the end of a connection
OFTEN = 20  # inputs, after which the server is asked something sensible
ADD = {"role": "basic", "cmd": "add", "first": 1, "second": 2}
OWN_ID = b"$ID"  # in an answer: the name of the message that it is to
RAW, BODIES = b"\0", b"\1"  # the first byte of an input: the rest is the stream itself, or lines that are its bodies

WORDS = (
    *(b"null", b"true", b"false", b"{}", b"[]", b'""', b"0", b"-1", b"1e999", b"1.5", b"NaN", b"9" * 400, b"-0"),
    *(b'"pattern":', b'"protocol":', b'"path":', b'"trace":', b'"ttl":', b'"deadline":', b'"hops":', b'"hello":'),
    *(b'"welcome":', b'"goodbye":', b'"traceparent":', b'"dst":"target"', b'"src":', b'"response":', b'"value":'),
    *(b'"err":', b'"output":', b'"mu":', b'"kind":', b'"sent":', b'"retryAfter":', b'"statusCode":', b'"code":'),
    *(b'"isBoom":true', b'"message":', b'"role":"basic"', b'"cmd":"add"', b'"cmd":"echo"', b'"cmd":"fail"', b'"*"'),
    *(b'"first":', b'"value":', b'"$ID"', b'"\\ud800"', b'"\\u0000"', b"\xff", b"\n", b",", b":", b"[" * 40, b"{"),
    *(b'"Overloaded"', b'"ConnectionLost"', b'"at":"a","to":"b","began":1,"ended":2', b"\x80", b"\xff\x7f", b"\x00"),
)


def requests() -> list[dict[str, Any]]:
    """As our own clients and Node's write them."""
    own = request(ADD, 10, 2e9, f"00-{1:032x}-{2:016x}-01")
    node = {"path": ["a", "b"], "trace": ["a", "b"], "ttl": 10, "dst": "target", "src": "b", "custom": {"deep": [1]}}
    return [
        {**own, "protocol": {**own["protocol"], "hello": own["protocol"]["path"][0]}},
        {"pattern": {"role": "basic", "cmd": "echo", "value": [{"a": None}, "ü\u2028", 1.5]}, "protocol": node},
        {"pattern": {"role": "basic", "cmd": "fail", "text": "no"}, "protocol": {**node, "hops": []}},
        {"pattern": {"role": "none"}, "protocol": {**node, "deadline": 4102444800000}},
        response(own, 3),
        {"protocol": {"goodbye": True}},
    ]


def answers() -> list[dict[str, Any]]:
    """As our own servers and Node's write them; the name of the message is filled in when it is known."""
    protocol = {"path": [OWN_ID.decode()]}
    hop = {"at": "far", "to": "add", "began": 1.0, "ended": 2.0}
    mu = {"code": 3, "error": "transport error", "message": "no", "kind": "Overloaded", "sent": False}
    boom = {"message": "no", "isBoom": True, "data": {"a": 1}, "output": {"statusCode": 503, "mu": mu}}
    return [
        {"err": None, "response": 3, "protocol": {**protocol, "hops": [hop], "trace": ["a"], "src": "x", "dst": "y"}},
        {"err": None, "response": {}, "value": 0, "protocol": {**protocol, "welcome": True}},
        {"err": boom, "response": {}, "protocol": protocol},
        {"err": {**boom, "output": {"mu": {**mu, "retryAfter": 0.01}}}, "response": {}, "protocol": protocol},
        {"err": "broken", "protocol": protocol},
        {"protocol": {"goodbye": True}},
    ]


def streams(packets: list[dict[str, Any]]) -> list[bytes]:
    bodies = [json.dumps(packet, separators=(",", ":")).encode() for packet in packets]
    return [BODIES + b"\n".join(bodies), *(BODIES + body for body in bodies), RAW + b"".join(map(framed, bodies))]


def stream_of(data: bytes, id: str = "") -> bytes:
    kind, rest = data[:1], data[1:].replace(OWN_ID, id.encode())
    return b"".join(map(framed, rest.split(b"\n"))) if kind == BODIES else rest


# A service, and what it may say ----------------------------------------------------------------------------------


def fail(message: dict[str, Any]) -> None:
    raise ServiceError(str(message.get("text")), data=message.get("value"))


def service(server: Any) -> Mu:
    mu = Mu("service")
    mu.define({"role": "basic", "cmd": "add"}, lambda message: message["first"] + message["second"])
    mu.define({"role": "basic", "cmd": "echo"}, lambda message: message.get("value"))
    mu.define({"role": "basic", "cmd": re.compile("^fa")}, fail)
    mu.define({"role": "basic", "first": "*"}, lambda message, ctx: [ctx.id, ctx.trace, ctx.traceparent])
    mu.inbound({"role": "basic"}, server)
    return mu


async def still_answers(client: Mu) -> None:
    if await client.dispatch(ADD) != 3:
        raise Misbehaved("1 + 2 is not 3 any more")


def idle(mu: Mu) -> None:
    stats = mu.stats()
    if stats["waiting"] or stats["handling"]:
        raise Misbehaved(f"all is answered, or its sender has gone, and still: {stats}")


def whole_answers(said: bytes) -> None:
    reader = FrameReader(LARGEST)
    for body in reader.feed(said):
        if is_request(json.loads(body)):
            raise Misbehaved(f"expected answers, found {body!r:.200}")
    if reader.feed(frame(b"{}", LARGEST)) != [b"{}"]:
        raise Misbehaved("expected whole frames, found a part of one at the end")


@contextlib.contextmanager
def serving(server: Any, client: Any, ask: Callable[[bytes], Any]) -> Iterator[Check]:
    """A check that asks the server with an input, and now and then with a message that must be answered."""
    with watched_loop() as (loop, watch):
        mu, caller, count = service(server), Mu("caller", timeout=PATIENCE), 0
        loop.run_until_complete(mu.start())
        caller.outbound({"role": "basic"}, client(port=server.port))
        loop.run_until_complete(caller.start())

        def check(data: bytes) -> None:
            nonlocal count
            count += 1
            loop.run_until_complete(ask(data))
            if count % OFTEN == 0:
                loop.run_until_complete(still_answers(caller))
                idle(mu)
            watch.check()

        try:
            yield check
            loop.run_until_complete(still_answers(caller))
            watch.check()
        finally:
            loop.run_until_complete(caller.tear_down(0))
            loop.run_until_complete(mu.tear_down(0))


@contextlib.contextmanager
def tcp_server() -> Iterator[Check]:
    server = tcp.server(max_frame=LARGEST)

    async def ask(data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                writer.write(stream_of(data))
                writer.write_eof()
                whole_answers(await reader.read())
            except ConnectionError:  # it has closed before it had read all of it
                pass
            finally:
                writer.close()

    with serving(server, tcp.client, ask) as check:
        yield check


@contextlib.contextmanager
def http_server() -> Iterator[Check]:
    server, session = http.server(max_frame=LARGEST), None

    async def ask(data: bytes) -> None:
        nonlocal session
        session = session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        async with session.post(f"http://127.0.0.1:{server.port}/mu/", data=data[1:]) as answer:
            said = await answer.read()
        if answer.status not in (200, 400, 413) or b"Traceback" in said:
            raise Misbehaved(f"{answer.status}: {said!r:.300}")
        if answer.status == 200:
            whole_answers(frame(said, LARGEST))

    with serving(server, http.client, ask) as check:
        try:
            yield check
        finally:
            if session:
                session._loop.run_until_complete(session.close())


# A client, and what it may be told ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def answering(answer: Callable[[str], bytes]) -> AsyncIterator[int]:
    """A server that says what it likes to the first message of a connection, and closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames, bodies = FrameReader(LARGEST), []
        while not bodies and (data := await reader.read(LARGEST)):
            bodies = frames.feed(data)
        if bodies:
            writer.write(answer(json.loads(bodies[0])["protocol"]["path"][0]))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    async with server:
        yield server.sockets[0].getsockname()[1]


async def told(data: bytes, port: int) -> None:
    """Every dispatch ends in time, with a result that can be handed on, or with a MuError."""
    mu = Mu("client")
    mu.outbound({"cmd": "add"}, tcp.client(port=port, max_frame=LARGEST))
    mu.outbound({"cmd": "again"}, retry(tcp.client(port=port, max_frame=LARGEST), attempts=2, delay=0))
    async with asyncio.timeout(PATIENCE), mu:
        str(await mu.trace({"cmd": "add"}, 0.5))
        with contextlib.suppress(MuError):
            encode(await mu.dispatch({"cmd": "again"}, 0.1))
    idle(mu)


@contextlib.contextmanager
def client() -> Iterator[Check]:
    with watched_loop() as (loop, watch):
        now = b""
        server = answering(lambda id: stream_of(now, id))
        port = loop.run_until_complete(server.__aenter__())

        def check(data: bytes) -> None:
            nonlocal now
            now = data
            loop.run_until_complete(told(data, port))
            watch.check()

        try:
            yield check
        finally:
            loop.run_until_complete(server.__aexit__(None, None, None))


KEYS = sorted({word.decode().strip('":') for word in WORDS if word.endswith(b'":')})
CHANGE = changing(KEYS)
TARGETS = (
    Target("mu-tcp", streams(requests()), WORDS, tcp_server, CHANGE),
    Target("mu-http", [each for each in streams(requests()) if each[:1] == BODIES], WORDS, http_server, CHANGE),
    Target("mu-client", streams(answers()), WORDS, client, CHANGE),
)
