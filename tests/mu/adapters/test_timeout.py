"""timeout: who ends a message, and what is known of it then."""

import asyncio
import time

import pytest
from mu_fakes import Fake, request

from mu import timeout
from mu.errors import ConnectFailed, DeadlineExceeded


async def test_timeout_ends_a_message_without_an_answer() -> None:
    end = Fake(asyncio.Event())
    message = request()
    with pytest.raises(DeadlineExceeded, match="expected an answer of fake within 0.02 s, found none") as caught:
        await timeout(end, 0.02).request(message)
    assert end.cancelled == 1
    assert caught.value.sent
    assert message.sent


async def test_timeout_knows_when_the_message_was_not_sent() -> None:
    class Connecting(Fake):
        async def request(self, request):
            await asyncio.Event().wait()

    message = request()
    with pytest.raises(DeadlineExceeded) as caught:
        await timeout(Connecting(), 0.02).request(message)
    assert caught.value.retryable
    assert not message.sent


async def test_timeout_hands_on_answers_and_errors() -> None:
    end = Fake("ok", ConnectFailed("gone"), DeadlineExceeded("of the other side", remote=True))
    limited = timeout(end, 5)
    assert (await limited.request(request()))["response"] == "ok"
    with pytest.raises(ConnectFailed):
        await limited.request(request())
    with pytest.raises(DeadlineExceeded, match="of the other side"):
        await limited.request(request())


async def test_timeout_tells_the_other_side_of_the_earlier_deadline() -> None:
    end = Fake()
    message = request(seconds=60)
    before = message.packet["protocol"]["deadline"]
    await timeout(end, 2).request(message)
    seen = end.requests[0]
    assert seen.packet["protocol"]["deadline"] / 1000 == pytest.approx(time.time() + 2, abs=1)
    assert seen.deadline == pytest.approx(asyncio.get_running_loop().time() + 2, abs=1)
    assert message.packet["protocol"]["deadline"] == before


async def test_timeout_leaves_an_earlier_deadline_to_the_caller() -> None:
    end = Fake()
    message = request(seconds=1)
    await timeout(end, 2).request(message)
    assert end.requests == [message]


async def test_timeout_is_no_other_cancellation() -> None:
    waiting = asyncio.create_task(timeout(Fake(asyncio.Event()), 3).request(request()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_timeout_shows_its_seconds_and_closes_what_is_behind_it() -> None:
    end = Fake()
    limited = timeout(end, 2.5)
    assert str(limited) == "timeout 2.5 s"
    assert limited.parts == [end]
    await limited.send(request())
    await limited.close()
    assert (end.verbs, end.closed) == (["send"], 1)


def test_timeout_says_what_it_expects() -> None:
    with pytest.raises(ValueError, match="seconds above 0, found 0"):
        timeout(Fake(), 0)
