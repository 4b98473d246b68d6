"""local: who is found by a name, and what becomes of messages when a server ends."""

import asyncio

import pytest
from mu_fakes import Echo, request

from mu import Closed, ConnectFailed, TransportError, local


async def test_local_name_belongs_to_one_server_until_that_ends() -> None:
    first, second = local.server(name="taken"), local.server(name="taken")
    await first.start(Echo())
    with pytest.raises(TransportError, match="the local name 'taken' to be free, found it taken: choose another"):
        await second.start(Echo())
    await second.close(0)  # which takes nothing away from the first
    client = local.client(name="taken")
    assert (await client.request(request({"x": 1})))["response"] == {"x": 1}
    await first.close(0)
    await second.start(Echo())
    await second.close(0)


async def test_local_client_without_a_server_says_which_there_are() -> None:
    client = local.client(name="nobody")
    with pytest.raises(ConnectFailed, match="a local server of the name 'nobody', found none") as caught:
        await client.request(request())
    assert caught.value.retryable
    other = local.server(name="other")
    await other.start(Echo())
    with pytest.raises(ConnectFailed, match="found 'other'$"):
        await client.request(request())
    await other.close(0)


async def test_local_client_that_is_closed_sends_nothing() -> None:
    echo, server, client = Echo(), local.server(name="echo"), local.client(name="echo")
    await server.start(echo)
    await client.close()
    with pytest.raises(Closed, match="the transport local echo is closed"):
        await client.request(request())
    assert echo.count == 0
    await server.close(0)


async def test_local_server_that_ends_gives_its_handlers_the_grace_and_then_tells_who_waits() -> None:
    echo, server, client = Echo(hold=True), local.server(name="slow"), local.client(name="slow")
    await server.start(echo)
    waiting = asyncio.create_task(client.request(request()))
    await echo.arrived()
    ending = asyncio.create_task(server.close(60))
    await asyncio.sleep(0)
    with pytest.raises(ConnectFailed):  # nothing new is let in meanwhile
        await client.request(request())
    echo.answer_all()
    assert (await waiting)["response"] == {"a": 1}
    await ending

    await server.start(echo)
    waiting = asyncio.create_task(client.request(request()))
    await echo.arrived()
    await server.close(0)
    with pytest.raises(Closed, match="local slow shut down before the answer") as caught:
        await waiting
    assert caught.value.sent
    echo.answer_all()  # too late, and no harm

    await server.start(echo)
    waiting = asyncio.create_task(client.request(request()))
    await echo.arrived()
    echo.answer_all()
    await server.close(0)  # just in time
    assert (await waiting)["response"] == {"a": 1}


async def test_local_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    echo, server, client = Echo(hold=True), local.server(name="given up"), local.client(name="given up")
    await server.start(echo)
    waiting = asyncio.create_task(client.request(request()))
    await echo.arrived()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    echo.answer_all()
    await asyncio.wait_for(server.close(60), 10)  # which waits for nobody
