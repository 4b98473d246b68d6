"""retry: what is tried again, how often and when, and what is not."""

import asyncio
import itertools

import pytest
from mu_fakes import Fake, refused, request

from mu import balance, breaker, retry
from mu.errors import CircuitOpen, ConnectFailed, ConnectionLost, MuError, NoRoute, Overloaded, ServiceError
from mu.packet import result_of

GONE = ConnectFailed("gone")


@pytest.mark.parametrize("failure", [GONE, refused(Overloaded("busy"))], ids=["here", "reported"])
async def test_retry_tries_again_what_nobody_has_run(failure: object) -> None:
    end = Fake(failure, failure, "ok")
    assert result_of(await retry(end, attempts=3, delay=0.001).request(request())) == "ok"
    assert end.count == 3


async def test_retry_ends_after_so_many_attempts() -> None:
    end = Fake(GONE)
    message = request()
    with pytest.raises(ConnectFailed) as caught:
        await retry(end, attempts=4, delay=0.001).request(message)
    assert end.count == 4
    assert not caught.value.sent
    assert not message.sent


@pytest.mark.parametrize("error", [ConnectionLost("halfway"), NoRoute("no pattern"), ServiceError("no")], ids=repr)
@pytest.mark.parametrize("reported", [False, True])
async def test_retry_does_not_repeat_what_may_have_run_or_cannot_help(error: MuError, reported: bool) -> None:
    end = Fake(refused(error) if reported else error)
    with pytest.raises(type(error)):
        result_of(await retry(end, delay=0.001).request(request()))
    assert end.count == 1


async def test_retry_repeats_what_may_have_run_if_told_that_it_is_safe() -> None:
    end = Fake(ConnectionLost("halfway"), "ok")
    assert result_of(await retry(end, delay=0.001, unsafe=True).request(request())) == "ok"


async def test_retry_does_not_repeat_a_failed_handler_even_so() -> None:
    end = Fake(refused(ServiceError("no")))
    assert (await retry(end, delay=0.001, unsafe=True).request(request()))["err"]
    assert end.count == 1


async def test_retry_says_that_a_message_may_have_run_if_an_attempt_before_was_sent() -> None:
    shared = ConnectFailed("gone")
    other = Fake()
    message = request()
    both = balance([retry(Fake(ConnectionLost("halfway"), shared), 2, 0.001, unsafe=True), other])
    with pytest.raises(ConnectFailed) as caught:
        await both.request(message)
    assert caught.value.sent
    assert message.sent
    assert other.count == 0
    assert not shared.sent


async def test_retry_waits_twice_as_long_each_time() -> None:
    times = []

    class Timed(Fake):
        async def _do(self, request):
            times.append(asyncio.get_running_loop().time())
            return await super()._do(request)

    with pytest.raises(ConnectFailed):
        await retry(Timed(GONE), attempts=4, delay=0.04).request(request())
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(wait >= least for wait, least in zip(waits, [0.02, 0.04, 0.08], strict=True))


async def test_retry_does_not_go_past_the_deadline() -> None:
    end = Fake(GONE)
    began = asyncio.get_running_loop().time()
    with pytest.raises(ConnectFailed):
        await retry(end, attempts=100, delay=10).request(request(seconds=0.5))
    assert end.count == 1
    assert asyncio.get_running_loop().time() - began < 0.5


async def test_retry_waits_as_long_as_it_is_asked_to() -> None:
    end = Fake(Overloaded("busy", retry_after=0.05), "ok")
    began = asyncio.get_running_loop().time()
    await retry(end, delay=0.001).request(request())
    assert asyncio.get_running_loop().time() - began > 0.045  # timers may be a little early


async def test_retry_of_an_open_breaker_waits_for_its_trial() -> None:
    end = Fake(GONE, "ok")
    assert result_of(await retry(breaker(end, 1, reset=0.05), delay=0.001).request(request())) == "ok"
    assert end.count == 2


async def test_retry_of_a_breaker_that_is_open_beyond_the_deadline_ends_at_once() -> None:
    guard = breaker(Fake(GONE), 1, reset=60)
    with pytest.raises(ConnectFailed):
        await guard.request(request())
    with pytest.raises(CircuitOpen):
        await retry(guard).request(request())


async def test_retry_can_be_cancelled_while_it_waits() -> None:
    waiting = asyncio.create_task(retry(Fake(GONE), delay=3).request(request()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_retry_stops_waiting_when_it_is_closed() -> None:
    end = Fake(GONE)
    again = retry(end, delay=3)
    waiting = asyncio.create_task(again.request(request()))
    await asyncio.sleep(0.01)
    await again.close()
    with pytest.raises(ConnectFailed):
        await asyncio.wait_for(waiting, 1)
    assert (end.count, end.closed) == (1, 1)


async def test_retry_sends_again_too() -> None:
    end = Fake(GONE, "ok")
    again = retry(end, delay=0)
    await again.send(request())
    assert end.verbs == ["send", "send"]
    assert str(again) == "retry: 3 attempts"
    assert again.parts == [end]


@pytest.mark.parametrize("arguments", [{"attempts": 0}, {"delay": -1}])
def test_retry_says_what_it_expects(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="1 or more attempts and a delay of 0 s or more"):
        retry(Fake(), **arguments)
