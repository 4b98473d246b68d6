"""Adapters in adapters, in any order, and what a Mu gets to see of them."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from mu_fakes import Fake, refused, request

from mu import Mu, balance, breaker, outbox, retry, shed, tee, timeout
from mu.errors import CircuitOpen, ConnectFailed, DeadlineExceeded, Overloaded, ServiceError
from mu.packet import result_of
from mu.transport import Client

WRAPS: dict[str, Callable[[Client], Client]] = {
    "balance": lambda client: balance([client]),
    "breaker": breaker,
    "shed": shed,
    "timeout": lambda client: timeout(client, 5),
    "retry": lambda client: retry(client, delay=0.001),
    "tee": lambda client: tee([client]),
    "outbox": outbox,
}


@pytest.mark.parametrize("order", list(itertools.product(WRAPS, repeat=2)), ids="-".join)
async def test_composition_works_in_any_order(order: tuple[str, str]) -> None:
    end = Fake("ok", refused(ServiceError("no")), refused(ConnectFailed("further on", sent=True)))
    client: Client = end
    for name in order:
        client = WRAPS[name](client)
    assert result_of(await client.request(request())) == "ok"
    with pytest.raises(ServiceError, match="no"):
        result_of(await client.request(request()))
    with pytest.raises(ConnectFailed, match="further on") as caught:
        await client.request(request())
    assert (caught.value.remote, caught.value.sent) == (True, True)
    assert client.available
    assert str(client).startswith(order[1])
    assert client.parts[0].parts == [end]
    await client.close()
    assert end.closed == 1


async def test_composition_of_the_course_survives_a_dead_end() -> None:
    dead, alive = Fake(ConnectFailed("gone")), Fake(refused(Overloaded("starting")), "ok")
    async with Mu() as mu:
        mu.outbound({"role": "basic"}, retry(balance([breaker(dead), breaker(alive)]), delay=0.001))
        for _ in range(20):
            assert await mu.dispatch({"role": "basic"}) == "ok"
    assert (dead.count, dead.closed, alive.closed) == (5, 1, 1)


async def test_composition_counts_a_dispatch_that_has_waited_too_long() -> None:
    guard = breaker(Fake(asyncio.Event()), failures=2)
    async with Mu() as mu:
        mu.outbound({"role": "slow"}, guard)
        for _ in range(2):
            with pytest.raises(DeadlineExceeded) as caught:
                await mu.dispatch({"role": "slow"}, timeout=0.02)
            assert caught.value.sent
        with pytest.raises(CircuitOpen):
            await mu.dispatch({"role": "slow"})
        assert "breaker: open" in str(mu.routes())
