"""TCP connections between two Python peers."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from interop.raw import Raw, raw_server, request, response
from mu_fakes import until

from mu import ConnectFailed, ConnectionLost, DeadlineExceeded, FrameTooLarge, Mu, MuError, TransportError, retry, tcp

ADD = {"role": "basic", "cmd": "add"}
ONE_AND_TWO = {**ADD, "first": 1, "second": 2}


async def add(args: dict[str, Any]) -> Any:
    return args["first"] + args["second"]


async def sleep(args: dict[str, Any]) -> Any:
    await asyncio.sleep(args["seconds"])
    return args["seconds"]


def service(server: Any) -> Mu:
    mu = Mu("service")
    mu.define(ADD, add)
    mu.define({"role": "basic", "cmd": "sleep"}, sleep)
    mu.define({"role": "basic", "cmd": "echo"}, lambda args: args["value"])
    mu.inbound({"role": "basic"}, server)
    return mu


def caller(client: Any) -> Mu:
    mu = Mu("caller")
    mu.outbound({"role": "basic"}, client)
    return mu


@contextlib.asynccontextmanager
async def pair(**options: Any) -> AsyncIterator[tuple[Mu, Any, Any]]:
    """A caller, its client and the server it asks."""
    server = tcp.server()
    async with service(server):
        client = tcp.client(port=server.port, **options)
        async with caller(client) as mu:
            yield mu, client, server


@pytest.mark.parametrize("port", ["", "eighty", -1, 65536, 1.5, None, True])
def test_what_is_no_port_is_refused(port: Any) -> None:
    for make in (tcp.client, tcp.server):
        with pytest.raises(ValueError, match="expected a port from 0 to 65535, found"):
            make(port=port)


def test_a_port_may_be_text_as_in_the_environment() -> None:
    assert str(tcp.client(port="8080")) == str(tcp.server(port="8080")) == "tcp 127.0.0.1:8080"


async def test_a_taken_port_says_so_and_leaves_nothing_open() -> None:
    first, taken = tcp.server(), tcp.server()
    async with service(taken):
        mu = service(first)
        mu.inbound("*", tcp.server(port=taken.port))
        with pytest.raises(TransportError, match=f"expected port {taken.port} of 127.0.0.1 to be free, found it taken"):
            await mu.start()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", first.port)


async def test_one_connection_serves_all_and_is_made_on_first_use() -> None:
    async with pair() as (mu, _, server):
        assert not server.streams
        assert await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(100))) == [3] * 100
        assert len(server.streams) == 1


async def test_a_pool_takes_turns() -> None:
    async with pair(pool=4) as (mu, _, server):
        await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(100)))
        assert len(server.streams) == 4


async def test_node_safe_has_one_request_at_a_time_on_a_connection() -> None:
    most: dict[Raw, int] = {}

    async def serve(raw: Raw) -> None:
        while True:
            packet = await raw.receive()
            more = asyncio.create_task(raw.receive())
            await asyncio.sleep(0.01)
            most[raw] = max(most.get(raw, 0), 2 if more.done() else 1)
            await raw.send(response(packet, response=1))
            more.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await more

    async with raw_server(serve) as port, caller(tcp.client(port=port, pool=3, node_safe=True)) as mu:
        assert await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(12))) == [1] * 12
    assert list(most.values()) == [1, 1, 1]


async def test_answers_come_in_any_order() -> None:
    async with pair() as (mu, _, _):
        seconds = [0.05, 0.0, 0.03, 0.01]
        asked = [mu.dispatch({"role": "basic", "cmd": "sleep", "seconds": each}) for each in seconds]
        assert await asyncio.gather(*asked) == seconds


async def test_large_messages_pass_both_ways() -> None:
    value = "é" * 2_500_000
    async with pair() as (mu, _, _):
        found = await asyncio.gather(*(mu.dispatch({"role": "basic", "cmd": "echo", "value": value}) for _ in range(3)))
        assert found == [value] * 3


async def test_too_large_a_message_does_not_leave() -> None:
    async with pair(max_frame=1000) as (mu, _, server):
        with pytest.raises(FrameTooLarge, match="expected at most 1,000 bytes") as raised:
            await mu.dispatch({"role": "basic", "cmd": "echo", "value": "x" * 1000})
        assert not raised.value.sent
        assert await mu.dispatch(ONE_AND_TWO) == 3
        assert len(server.streams) == 1


async def test_a_restarted_server_is_found_again() -> None:
    server = tcp.server()
    mu = service(server)
    await mu.start()
    async with caller(tcp.client(port=server.port)) as other:
        assert await other.dispatch(ONE_AND_TWO) == 3
        await mu.tear_down()
        with pytest.raises(ConnectFailed):
            await other.dispatch(ONE_AND_TWO)
        async with service(tcp.server(port=server.port)):
            await asyncio.sleep(0.06)
            assert await other.dispatch(ONE_AND_TWO) == 3


async def test_a_server_that_restarts_under_load_loses_nothing() -> None:
    """It says goodbye to its clients, who go elsewhere, and answers what it has."""
    server = tcp.server()
    mu = service(server)
    await mu.start()
    client = retry(tcp.client(port=server.port), attempts=20, delay=0.02)
    running, done = True, []

    async def ask(other: Mu) -> None:
        while running:
            done.append(await other.dispatch({"role": "basic", "cmd": "sleep", "seconds": 0.001}))

    async with caller(client) as other:
        asking = [asyncio.create_task(ask(other)) for _ in range(20)]
        for _ in range(10):
            before = len(done)
            await until(lambda: len(done) > before + 50)  # noqa: B023
            await mu.tear_down()
            mu = service(tcp.server(port=server.port))
            await mu.start()
        running = False
        await asyncio.gather(*asking)
        await mu.tear_down()
    assert len(done) > 500


async def test_what_arrives_after_the_goodbye_is_still_answered() -> None:
    server = tcp.server()
    mu = service(server)
    await mu.start()
    async with await Raw.to(server.port) as raw:
        greeting = request(ONE_AND_TWO, hello="raw-muid")
        await raw.send(greeting)
        assert (await raw.receive())["response"] == 3
        ending = asyncio.create_task(mu.tear_down())
        assert await raw.receive() == {"protocol": {"goodbye": True}}
        await raw.send(greeting)
        assert (await raw.receive())["response"] == 3
    await ending


async def test_a_peer_that_never_said_hello_gets_no_goodbye() -> None:
    server = tcp.server()
    mu = service(server)
    await mu.start()
    async with await Raw.to(server.port) as raw, await Raw.to(server.port) as relayed:
        assert (await raw.ask(ONE_AND_TWO))["response"] == 3
        await relayed.ask(ONE_AND_TWO, hello="the name of another connection, handed on by Node's relay")
        await mu.tear_down()
        await raw.closed()
        await relayed.closed()


async def test_a_peer_that_says_hello_is_welcome_and_gets_short_answers() -> None:
    async with service(server := tcp.server()), await Raw.to(server.port) as raw, await Raw.to(server.port) as other:
        await raw.send(request(ONE_AND_TWO, hello="raw-muid"))
        assert (await raw.receive())["protocol"] == {"path": ["raw-id"], "welcome": "raw-muid"}
        assert (await raw.ask(ONE_AND_TWO))["protocol"] == {"path": ["raw-id"]}
        assert {"trace", "src", "dst"} < (await other.ask(ONE_AND_TWO))["protocol"].keys()


@pytest.mark.parametrize(("greeting", "short"), [("welcome", True), ("hello", False)])
async def test_a_client_is_brief_only_with_a_server_that_made_it_welcome(greeting: str, short: bool) -> None:
    """Node's mu hands back the hello, as it does with all that it does not know."""
    asked = []

    async def serve(raw: Raw) -> None:
        while True:
            asked.append(packet := await raw.receive())
            id, muid = packet["protocol"]["path"]
            await raw.send({"err": None, "response": 3, "protocol": {"path": [id], greeting: muid}})

    async with raw_server(serve) as port, caller(tcp.client(port=port)) as mu:
        for _ in range(2):
            assert await mu.dispatch(ONE_AND_TWO) == 3
    first, second = (packet["protocol"] for packet in asked)
    assert first["hello"] == first["src"] == first["path"][-1]
    assert {"trace", "src", "dst"}.isdisjoint(second) if short else second["trace"] == second["path"]


async def test_what_a_handler_knows_of_the_way_is_the_same_when_the_peer_is_brief() -> None:
    ways = []
    async with service(server := tcp.server()) as mu, caller(tcp.client(port=server.port)) as other:
        mu.define({"role": "basic", "cmd": "way"}, lambda args, ctx: ways.append(ctx.trace))
        for _ in range(2):
            await other.dispatch({"role": "basic", "cmd": "way"})
    assert [len(way) for way in ways] == [2, 2]
    assert ways[0][1] == ways[1][1]


async def test_a_late_answer_is_dropped_and_the_connection_kept() -> None:
    connections = []

    async def serve(raw: Raw) -> None:
        connections.append(raw)
        while True:
            packet = await raw.receive()
            if packet["pattern"].get("slow"):
                await asyncio.sleep(0.15)
            await raw.send(response(packet, response=packet["pattern"]["n"]))

    async with raw_server(serve) as port, caller(tcp.client(port=port)) as mu:
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch({"role": "basic", "slow": True, "n": 1}, timeout=0.05)
        assert await mu.dispatch({"role": "basic", "n": 2}) == 2
        assert await mu.dispatch({"role": "basic", "n": 3}) == 3
    assert len(connections) == 1


async def test_a_server_reads_no_further_while_too_much_is_under_way() -> None:
    server = tcp.server(max_in_flight=10)
    async with service(server) as mu, caller(tcp.client(port=server.port)) as other:
        asked = [
            asyncio.create_task(other.dispatch({"role": "basic", "cmd": "sleep", "seconds": 0.01, "pad": "x" * 20_000}))
            for _ in range(300)
        ]
        most = 0.0
        while not all(task.done() for task in asked):
            most = max(most, mu.stats()["handling"])
            await asyncio.sleep(0.001)
        assert [task.result() for task in asked] == [0.01] * 300
        assert most < 100


async def test_tls(certificate: Path) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    client_side = ssl.create_default_context(cafile=certificate)
    server = tcp.server(ssl=server_side)
    async with service(server):
        async with caller(tcp.client(port=server.port, ssl=client_side, server_hostname="localhost")) as mu:
            assert await asyncio.gather(*(mu.dispatch(ONE_AND_TWO) for _ in range(20))) == [3] * 20
            value = "x" * 1_000_000
            assert await mu.dispatch({"role": "basic", "cmd": "echo", "value": value}) == value
        async with caller(tcp.client(port=server.port, ssl=True)) as mu:
            with pytest.raises(ConnectFailed, match="certificate verify failed"):
                await mu.dispatch(ONE_AND_TWO)
        async with caller(tcp.client(port=server.port)) as mu:
            with pytest.raises(MuError):
                await mu.dispatch(ONE_AND_TWO, timeout=2)


async def test_a_request_sent_to_a_client_is_ignored() -> None:
    async def serve(raw: Raw) -> None:
        while True:
            packet = await raw.receive()
            await raw.send(request({"cmd": "evil"}))
            await raw.send(response(packet, response=1))

    async with raw_server(serve) as port, caller(tcp.client(port=port)) as mu:
        assert await mu.dispatch(ONE_AND_TWO) == 1


async def test_bad_bytes_from_a_server_end_the_connection_and_the_next_is_new() -> None:
    served = []

    async def serve(raw: Raw) -> None:
        packet = await raw.receive()
        served.append(packet)
        if len(served) == 1:
            await raw.send(b"{]")
            await raw.closed()
        else:
            await raw.send(response(packet, response=1))
            await asyncio.Event().wait()

    async with raw_server(serve) as port, caller(tcp.client(port=port)) as mu:
        with pytest.raises(ConnectionLost, match="expected a JSON object in UTF-8"):
            await mu.dispatch(ONE_AND_TWO)
        assert await mu.dispatch(ONE_AND_TWO) == 1


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mu")
