"""balance: who is asked, in which order, and what is never sent twice."""

import asyncio

import pytest
from mu_fakes import Fake, refused, request

from mu import balance, breaker
from mu.errors import CircuitOpen, Closed, ConnectFailed, ConnectionLost, MuError, NoRoute, Overloaded, ServiceError
from mu.packet import result_of
from mu.transport import Client


async def ask(client: Client, times: int = 1) -> None:
    for _ in range(times):
        await client.request(request())


async def test_balance_takes_turns() -> None:
    ends = [Fake(), Fake(), Fake()]
    await ask(balance(ends), 9)
    assert [end.count for end in ends] == [3, 3, 3]


async def test_balance_leaves_out_what_is_unavailable_and_spreads_evenly_over_the_rest() -> None:
    ends = [Fake(), Fake(), Fake()]
    ends[1].up = False
    await ask(balance(ends), 8)
    assert [end.count for end in ends] == [4, 0, 4]


async def test_balance_takes_back_an_end_that_is_available_again() -> None:
    ends = [Fake(), Fake()]
    both = balance(ends)
    ends[0].up = False
    await ask(both, 2)
    ends[0].up = True
    await ask(both, 2)
    assert [end.count for end in ends] == [1, 3]


async def test_balance_goes_on_to_the_next_end_when_nobody_ran_the_message() -> None:
    dead, alive = Fake(ConnectFailed("nobody there")), Fake("from the other")
    both = balance([dead, alive])
    for _ in range(4):
        assert result_of(await both.request(request())) == "from the other"
    assert (dead.count, alive.count) == (2, 4)


@pytest.mark.parametrize("error", [Overloaded("busy"), Closed("going"), ConnectFailed("behind me"), CircuitOpen("too")])
async def test_balance_goes_on_when_the_other_side_reports_that_it_did_not_run_the_message(error: MuError) -> None:
    both = balance([Fake(refused(error)), Fake("from the other")])
    assert result_of(await both.request(request())) == "from the other"


@pytest.mark.parametrize("error", [ConnectionLost("halfway"), NoRoute("no pattern"), Closed("halfway", sent=True)])
@pytest.mark.parametrize("reported", [False, True])
async def test_balance_sends_nothing_again_that_may_have_run_or_cannot_work(error: MuError, reported: bool) -> None:
    other = Fake()
    both = balance([Fake(refused(error) if reported else error), other])
    with pytest.raises(type(error)):
        await both.request(request())
    assert other.count == 0


async def test_balance_hands_on_a_service_error_as_the_answer_it_is() -> None:
    other = Fake()
    answer = await balance([Fake(refused(ServiceError("no"))), other]).request(request())
    with pytest.raises(ServiceError, match="no"):
        result_of(answer)
    assert other.count == 0


async def test_balance_asks_each_end_once_and_raises_what_the_last_said() -> None:
    ends = [Fake(ConnectFailed(f"end {number}")) for number in range(3)]
    with pytest.raises(ConnectFailed, match="end 2"):
        await balance(ends).request(request())
    assert [end.count for end in ends] == [1, 1, 1]


async def test_balance_tries_all_when_none_is_available() -> None:
    ends = [Fake(ConnectFailed("gone")), Fake("back")]
    for end in ends:
        end.up = False
    both = balance(ends)
    assert not both.available
    assert result_of(await both.request(request())) == "back"


async def test_balance_knows_that_nothing_is_sent_after_a_refusal() -> None:
    hanging = Fake(ConnectFailed("gone"))
    message = request()
    with pytest.raises(ConnectFailed):
        await balance([Fake(refused(Overloaded("busy"))), hanging]).request(message)
    assert not message.sent


async def test_balance_gives_to_the_one_with_the_least_pending() -> None:
    release = asyncio.Event()
    slow, quick = Fake(release), Fake()
    both = balance([slow, quick], strategy="least_pending")
    waiting = asyncio.create_task(both.request(request()))
    await asyncio.sleep(0)
    await ask(both, 5)
    assert (slow.count, quick.count) == (1, 5)
    release.set()
    await waiting
    await ask(both, 4)
    assert (slow.count, quick.count) == (3, 7)


async def test_balance_counts_a_cancelled_message_as_no_longer_pending() -> None:
    ends = [Fake(asyncio.Event(), "ok"), Fake()]
    both = balance(ends, "least_pending")
    waiting = asyncio.create_task(both.request(request()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ends[0].cancelled == 1
    await ask(both, 4)
    assert [end.count for end in ends] == [3, 2]


async def test_balance_of_breakers_uses_the_other_one_while_one_is_open() -> None:
    dead, alive = Fake(ConnectFailed("gone")), Fake()
    both = balance([breaker(dead, failures=2), breaker(alive)])
    await ask(both, 20)
    assert (dead.count, alive.count) == (2, 20)
    assert [str(part) for part in both.parts] == ["breaker: open", "breaker: closed"]


async def test_balance_sends_one_way_and_closes_all() -> None:
    ends = [Fake(ConnectFailed("gone")), Fake()]
    both = balance(ends)
    await both.send(request())
    assert [end.verbs for end in ends] == [["send"], ["send"]]
    await both.close()
    assert [end.closed for end in ends] == [1, 1]


async def test_balance_closes_the_others_when_one_fails_to_close() -> None:
    class Stuck(Fake):
        async def close(self) -> None:
            raise OSError("stuck")

    other = Fake()
    with pytest.raises(OSError, match="stuck"):
        await balance([Stuck(), other]).close()
    assert other.closed == 1


def test_balance_shows_what_it_is_made_of() -> None:
    ends = [Fake(), Fake()]
    both = balance(ends)
    assert str(both) == "balance of 2"
    assert both.parts == ends


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([],), "at least one client"),
        (([Fake(), "tcp"],), "expected a client such as .* found 'tcp'"),
        (([Fake()], "random"), "round_robin, least_pending, found 'random'"),
    ],
)
def test_balance_says_what_it_expects(arguments: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        balance(*arguments)
