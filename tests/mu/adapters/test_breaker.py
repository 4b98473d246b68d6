"""breaker: what trips it, what does not, and how it comes back."""

import asyncio

import pytest
from mu_fakes import Fake, refused, request

from mu import breaker, shed, timeout
from mu.errors import (
    CircuitOpen,
    Closed,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    FrameTooLarge,
    FrameworkError,
    MuError,
    NoRoute,
    Overloaded,
    ServiceError,
    TransportError,
    Unencodable,
)
from mu.transport import Client

GONE = ConnectFailed("gone")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def fails(client: Client, times: int = 1, kind: type[MuError] = MuError) -> None:
    for _ in range(times):
        with pytest.raises(kind):
            await client.request(request())


async def opened(*later: object, clock: Clock | None = None) -> tuple[Fake, breaker]:
    """A breaker that has just opened, and what is behind it."""
    end = Fake(GONE, *later)
    guard = breaker(end, failures=1, reset=10, clock=clock or Clock())
    await fails(guard)
    return end, guard


async def test_breaker_opens_after_so_many_failures_in_a_row() -> None:
    end = Fake(GONE)
    guard = breaker(end, failures=3, clock=Clock())
    await fails(guard, 3, ConnectFailed)
    assert str(guard) == "breaker: open"
    assert not guard.available
    await fails(guard, 5, CircuitOpen)
    assert end.count == 3


async def test_breaker_forgets_failures_after_a_success() -> None:
    guard = breaker(Fake(GONE, GONE, "ok", GONE, GONE, "ok"), failures=3)
    await fails(guard, 2)
    await guard.request(request())
    await fails(guard, 2)
    assert str(guard) == "breaker: closed"
    assert guard.available


async def test_breaker_that_is_open_says_why_and_when() -> None:
    clock = Clock()
    _, guard = await opened(clock=clock)
    clock.now += 4
    with pytest.raises(CircuitOpen, match="1 messages in a row failed at fake: the next try is in 6.0 s") as caught:
        await guard.request(request())
    assert caught.value.retry_after == pytest.approx(6)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "step",
    [
        ConnectionLost("x"),
        DeadlineExceeded("x"),
        TransportError("502 Bad Gateway"),
        Closed("x"),
        OSError("no MuError at all"),
        refused(Overloaded("x")),
        refused(Closed("x")),
        refused(ConnectionLost("x")),
        refused(DeadlineExceeded("x")),
    ],
    ids=repr,
)
async def test_breaker_counts_as_failure(step: object) -> None:
    guard = breaker(Fake(step), failures=2)
    for _ in range(2):
        with pytest.raises((MuError, OSError)):
            await guard.request(request())
    assert guard.state == "open"


@pytest.mark.parametrize("step", [refused(NoRoute("x")), refused(FrameTooLarge("x")), ServiceError("x")], ids=repr)
async def test_breaker_takes_these_errors_for_signs_of_life(step: object) -> None:
    guard = breaker(Fake(GONE, step, GONE, step), failures=2)
    await fails(guard, 6)
    assert guard.state == "closed"


@pytest.mark.parametrize(
    "step", [FrameTooLarge("x"), Unencodable("x"), NoRoute("x"), Overloaded("x"), CircuitOpen("x")], ids=repr
)
async def test_breaker_learns_nothing_from_what_was_never_asked(step: MuError) -> None:
    """Neither a failure, nor a success that would make it forget."""
    guard = breaker(Fake(GONE, step, step, step, GONE), failures=2)
    await fails(guard, 4)
    assert guard.state == "closed"
    await fails(guard)
    assert guard.state == "open"


@pytest.mark.parametrize("error", [ServiceError("no"), FrameworkError("no JSON"), ValueError("bug")], ids=repr)
async def test_breaker_takes_the_answer_of_a_failing_handler_for_an_answer(error: MuError) -> None:
    guard = breaker(Fake(refused(error)), failures=1)
    for _ in range(3):
        assert (await guard.request(request()))["err"]
    assert guard.state == "closed"


async def test_breaker_lets_a_single_trial_through_when_half_open() -> None:
    clock, release = Clock(), asyncio.Event()
    end, guard = await opened(release, "ok", clock=clock)
    clock.now += 10
    assert str(guard) == "breaker: half open"
    assert guard.available
    trial = asyncio.create_task(guard.request(request()))
    await asyncio.sleep(0)
    assert not guard.available
    with pytest.raises(CircuitOpen, match="one message is trying it again") as caught:
        await guard.request(request())
    assert caught.value.retry_after == 0
    release.set()
    await trial
    assert guard.state == "closed"
    await guard.request(request())
    assert end.count == 3


async def test_breaker_is_open_as_long_again_after_a_failed_trial() -> None:
    clock = Clock()
    end, guard = await opened(clock=clock)
    clock.now += 11
    await fails(guard, 1, ConnectFailed)
    assert guard.state == "open"
    clock.now += 9
    await fails(guard, 1, CircuitOpen)
    clock.now += 1
    await fails(guard, 1, ConnectFailed)
    assert end.count == 3


@pytest.mark.parametrize("step", [refused(ServiceError("no")), "ok"], ids=["service error", "ok"])
async def test_breaker_closes_after_a_trial_with_an_answer(step: object) -> None:
    clock = Clock()
    _, guard = await opened(step, clock=clock)
    clock.now += 10
    await guard.request(request())
    assert guard.state == "closed"


async def test_breaker_makes_another_trial_when_a_caller_gave_up_the_first() -> None:
    clock = Clock()
    end, guard = await opened(asyncio.Event(), "ok", clock=clock)
    clock.now += 10
    trial = asyncio.create_task(guard.request(request()))
    await asyncio.sleep(0.01)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert end.cancelled == 1
    assert guard.state == "half open"
    await guard.request(request())
    assert guard.state == "closed"


async def test_breaker_counts_a_deadline_that_passes_but_not_a_caller_who_gives_up() -> None:
    guard = breaker(Fake(asyncio.Event()), failures=1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(guard.request(request(seconds=5)), 0.02)
    assert guard.state == "closed"
    message = request(seconds=0.02)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout_at(message.deadline):
            await guard.request(message)
    assert guard.state == "open"


@pytest.mark.parametrize(
    "build", [lambda end: breaker(timeout(end, 0.02), 1), lambda end: timeout(breaker(end, 1), 0.02)]
)
async def test_breaker_counts_what_a_timeout_ends_inside_it_or_around_it(build) -> None:
    guard = build(Fake(asyncio.Event()))
    await fails(guard, 1, DeadlineExceeded)
    await fails(guard, 1, CircuitOpen)


async def test_breaker_ignores_what_began_before_it_opened() -> None:
    clock, early, late = Clock(), asyncio.Event(), asyncio.Event()
    end = Fake(early, late, GONE, asyncio.Event())
    guard = breaker(end, failures=1, reset=10, clock=clock)
    old = [asyncio.create_task(guard.request(request())) for _ in range(2)]
    await asyncio.sleep(0.01)
    await fails(guard)
    early.set()
    await old[0]
    assert guard.state == "open"
    clock.now += 10
    trial = asyncio.create_task(guard.request(request()))
    await asyncio.sleep(0.01)
    late.set()
    await old[1]
    await fails(guard, 1, CircuitOpen)
    trial.cancel()
    await asyncio.wait([trial])


async def test_breaker_around_a_shed_stays_closed_under_load() -> None:
    release = asyncio.Event()
    guard = breaker(shed(Fake(release), 1), failures=1)
    first = asyncio.create_task(guard.request(request()))
    await asyncio.sleep(0)
    await fails(guard, 5, Overloaded)
    assert guard.state == "closed"
    release.set()
    await first


async def test_breaker_is_unavailable_when_what_is_behind_it_is() -> None:
    end = Fake()
    guard = breaker(end)
    end.up = False
    assert not guard.available


async def test_breaker_guards_sends_too_and_closes_what_is_behind_it() -> None:
    end = Fake(GONE)
    guard = breaker(end, failures=1)
    with pytest.raises(ConnectFailed):
        await guard.send(request())
    with pytest.raises(CircuitOpen):
        await guard.send(request())
    assert end.verbs == ["send"]
    await guard.close()
    assert end.closed == 1
    assert guard.parts == [end]


async def test_breaker_logs_when_it_opens(caplog: pytest.LogCaptureFixture) -> None:
    await opened()
    assert caplog.messages == ["fake failed 1 times in a row: breaker: open for 10 s"]


@pytest.mark.parametrize("arguments", [{"failures": 0}, {"reset": 0}])
def test_breaker_says_what_it_expects(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="1 or more failures and a reset above 0 s"):
        breaker(Fake(), **arguments)
