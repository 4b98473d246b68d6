"""What a fault does to connections, by real sockets: a proxy, a service behind it that echoes, and callers."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fuge import FugeError
from fuge.engine.injection.fault import Fault
from fuge.engine.injection.proxy import Proxy

HOST = "127.0.0.1"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BRIEFLY = 0.15  # seconds in which what is not held up comes; what is held up is not waited for longer


class Behind:
    """Echoes, in capitals, until the caller has said all. `callers` counts connections."""

    def __init__(self) -> None:
        self.callers = 0
        self.port = 0
        self.called = asyncio.Event()
        self.serving: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        self.called.set()
        task = asyncio.current_task()
        assert task
        self.serving.add(task)
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                writer.write(piece.upper())
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def standing() -> AsyncIterator[tuple[Proxy, Behind]]:
    """A proxy that has been told nothing yet, and what is behind it."""
    service = Behind()
    server = await asyncio.start_server(service.serve, HOST, 0)
    service.port = server.sockets[0].getsockname()[1]
    proxy = Proxy(HOST, lambda: (HOST, service.port))
    try:
        yield proxy, service
    finally:
        await proxy.close()
        server.close()
        if service.serving:
            await asyncio.wait(service.serving)


@contextlib.asynccontextmanager
async def call(proxy: Proxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(streams: Streams, text: bytes) -> bytes:
    reader, writer = streams
    writer.write(text)
    return await reader.readexactly(len(text))


async def breaks(streams: Streams) -> bool:
    """Whether the connection is gone, by a reset or an end, before anything is said on it."""
    with contextlib.suppress(ConnectionError):
        return await streams[0].read(1) == b""
    return True


async def test_without_a_fault_all_passes_in_both_directions_to_the_end() -> None:
    async with standing() as (proxy, _):
        await proxy.set(None)
        big = b"x" * 1_000_000
        async with call(proxy) as (reader, writer):
            writer.write(big)
            writer.write_eof()
            assert await reader.read() == big.upper()


async def test_latency_holds_up_what_callers_say_and_not_more_than_once() -> None:
    async with standing() as (proxy, _):
        await proxy.set(Fault(latency=0.2))
        clock = asyncio.get_running_loop().time
        async with call(proxy) as (reader, writer):
            began = clock()
            for _ in range(5):
                writer.write(b"a")
                await asyncio.sleep(0.02)
            assert await reader.readexactly(1) == b"A"
            first = clock() - began
            assert await reader.readexactly(4) == b"AAAA"
            assert first >= 0.2
            assert clock() - began < first + 0.2, "each is late by itself, and not after the one before"


async def test_latency_that_changes_holds_for_what_is_said_from_then_on() -> None:
    async with standing() as (proxy, _):
        clock = asyncio.get_running_loop().time
        await proxy.set(Fault(latency=30))
        await proxy.set(Fault(latency=0.1))
        async with call(proxy) as streams:
            began = clock()
            assert await ask(streams, b"abc") == b"ABC"
            assert 0.1 <= clock() - began < 30


async def test_what_is_late_arrives_in_its_order_when_the_fault_is_cleared() -> None:
    async with standing() as (proxy, _):
        await proxy.set(Fault(latency=0.3))
        async with call(proxy) as (reader, writer):
            writer.write(b"a")
            await asyncio.sleep(0.05)
            await proxy.set(None)
            writer.write(b"b")
            assert await reader.readexactly(2) == b"AB"


async def test_down_refuses_connections_and_breaks_those_that_there_are() -> None:
    async with standing() as (proxy, behind):
        await proxy.set(None)
        async with call(proxy) as streams:
            assert await ask(streams, b"a") == b"A"
            await proxy.set(Fault(down=True))
            assert await breaks(streams)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, proxy.port)
        await proxy.set(Fault(down=True))
        await proxy.set(None)
        async with call(proxy) as streams:
            assert await ask(streams, b"a") == b"A"
        assert behind.callers == 2


async def test_pause_keeps_connections_and_moves_nothing_until_it_ends() -> None:
    async with standing() as (proxy, behind):
        await proxy.set(None)
        async with call(proxy) as old:
            assert await ask(old, b"a") == b"A"
            await proxy.set(Fault(pause=True))
            async with call(proxy) as new:
                old[1].write(b"b")
                new[1].write(b"c")
                waiting = [asyncio.ensure_future(each[0].readexactly(1)) for each in (old, new)]
                assert not (await asyncio.wait(waiting, timeout=BRIEFLY))[0]
                assert behind.callers == 1
                await proxy.set(None)
                assert await asyncio.gather(*waiting) == [b"B", b"C"]


async def test_drop_breaks_the_share_of_connections_that_is_asked_for() -> None:
    async with standing() as (proxy, behind):
        await proxy.set(Fault(drop=1))
        async with call(proxy) as streams:
            streams[1].write(b"a")
            assert await breaks(streams)
        await proxy.set(Fault(drop=0.3))
        broken = 0
        for _ in range(200):
            async with call(proxy) as streams:
                streams[1].write(b"a")
                with contextlib.suppress(ConnectionError):
                    if await streams[0].read(1) == b"A":
                        continue
                broken += 1
        assert 25 <= broken <= 100  # of 60 that are expected; less or more comes once in 10^8 runs
        assert behind.callers == 201


async def test_a_service_that_is_not_there_breaks_the_connection() -> None:
    async with standing() as (proxy, behind):
        await proxy.set(None)
        behind.port = 1
        async with call(proxy) as streams:
            assert await breaks(streams)


async def test_a_caller_that_breaks_off_takes_its_connection_to_the_service_along() -> None:
    async with standing() as (proxy, behind), asyncio.timeout(30):
        await proxy.set(Fault(latency=60))
        async with call(proxy) as (_, writer):
            await behind.called.wait()
            with_reset = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, with_reset)
            writer.transport.abort()
            await asyncio.wait(behind.serving)


async def test_a_caller_that_floods_a_slow_way_is_held_up_and_loses_nothing() -> None:
    async with standing() as (proxy, _):
        await proxy.set(Fault(latency=0.2))
        size = 20_000_000
        async with call(proxy) as (reader, writer):

            async def flood() -> None:
                writer.write(b"x" * size)
                await writer.drain()
                writer.write_eof()

            flooding = asyncio.ensure_future(flood())
            assert len(await reader.read()) == size
            await flooding


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"latency": -1}, "expected a latency from 0 to 3600 s, found -1 s"),
        ({"latency": 4000}, "found 4000 s"),
        ({"latency": float("nan")}, "found nan s"),
        ({"drop": 1.5}, "expected a share from 0% to 100% to drop, found 1.5"),
        ({}, "found neither"),
        ({"down": True, "pause": True}, "found more than that"),
        ({"down": True, "latency": 1}, "found more than that"),
    ],
)
def test_fault_that_makes_no_sense_is_refused(fault: dict[str, float], said: str) -> None:
    with pytest.raises(FugeError, match=said):
        Fault(**fault)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [5, None, "down", ["down"], {"speed": 1}, {"latency": "long"}, {"down": "yes"}])
def test_data_that_is_no_fault_is_refused(given: object) -> None:
    with pytest.raises(FugeError, match="expected a fault such as .*, of latency, drop, down, pause; found"):
        Fault.of(given)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault(latency=0.8), "latency 800 ms"),
        (Fault(drop=0.3), "drop 30%"),
        (Fault(latency=1.5, drop=0.005), "latency 1500 ms, drop 0.5%"),
        (Fault(down=True), "down"),
        (Fault(pause=True), "pause"),
    ],
)
def test_fault_in_words(fault: Fault, text: str) -> None:
    assert str(fault) == text
