"""shed: how many may be under way, and that none is forgotten."""

import asyncio

import pytest
from mu_fakes import Fake, request

from mu import shed
from mu.errors import ConnectionLost, Overloaded


async def test_shed_turns_away_what_is_too_much_and_takes_on_again_later() -> None:
    release = asyncio.Event()
    end = Fake(release)
    gate = shed(end, max_pending=2)
    waiting = [asyncio.create_task(gate.request(request())) for _ in range(2)]
    await asyncio.sleep(0)
    assert str(gate) == "shed: 2 of 2 pending"
    assert not gate.available
    with pytest.raises(Overloaded, match="expected fewer than 2 messages under way to fake") as caught:
        await gate.request(request())
    assert caught.value.retryable
    assert end.count == 2
    release.set()
    await asyncio.gather(*waiting)
    assert gate.available
    await gate.request(request())
    assert str(gate) == "shed: 0 of 2 pending"


async def test_shed_counts_failed_and_cancelled_messages_as_ended() -> None:
    gate = shed(Fake(ConnectionLost("x"), asyncio.Event()), max_pending=1)
    with pytest.raises(ConnectionLost):
        await gate.request(request())
    waiting = asyncio.create_task(gate.request(request()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert gate.available


async def test_shed_counts_sends_too_and_closes_what_is_behind_it() -> None:
    release = asyncio.Event()
    end = Fake(release)
    gate = shed(end, 1)
    sending = asyncio.create_task(gate.send(request()))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await gate.send(request())
    release.set()
    await sending
    await gate.close()
    assert (end.verbs, end.closed, gate.parts) == (["send"], 1, [end])


def test_shed_says_what_it_expects() -> None:
    with pytest.raises(ValueError, match="at least one message that may be under way, found 0"):
        shed(Fake(), 0)
