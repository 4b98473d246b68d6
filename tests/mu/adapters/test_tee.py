"""tee: the first answers, the others get copies, and nothing of theirs disturbs it."""

import asyncio

import pytest
from mu_fakes import Fake, refused, request

from mu import tee
from mu.errors import ConnectFailed, ServiceError, Unencodable
from mu.packet import result_of


async def test_tee_answers_by_the_first_and_copies_to_the_others() -> None:
    ends = [Fake("first"), Fake("second"), Fake("third")]
    message = request({"role": "audit", "deep": [1]})
    all_three = tee(ends)
    assert result_of(await all_three.request(message)) == "first"
    await all_three.close()
    assert [end.requests[0].packet for end in ends] == [message.packet] * 3
    assert {end.requests[0].deadline for end in ends} == {message.deadline}


async def test_tee_copies_the_message_as_it_was() -> None:
    message = request({"list": [1]})
    other = Fake()
    both = tee([Fake(), other])
    await both.request(message)
    message.packet["pattern"]["list"].append(2)
    await both.close()
    assert other.requests[0].packet["pattern"] == {"list": [1]}


async def test_tee_does_not_wait_for_a_copy() -> None:
    both = tee([Fake("first"), Fake(asyncio.Event())], grace=0.01)
    assert result_of(await asyncio.wait_for(both.request(request()), 1)) == "first"
    await both.close()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (ConnectFailed("gone"), "tee of 2: the copy for audit failed: ConnectFailed('gone')"),
        (refused(ServiceError("no")), "tee of 2: the copy for audit failed: ServiceError('no')"),
        (KeyError("bug"), "tee of 2: the copy for audit failed: KeyError('bug')"),
    ],
)
async def test_tee_logs_a_copy_that_fails(step: object, said: str, caplog: pytest.LogCaptureFixture) -> None:
    other = Fake(step, name="audit")
    both = tee([Fake("first"), other])
    assert result_of(await both.request(request())) == "first"
    await both.close()
    assert caplog.messages == [said]


async def test_tee_ends_a_copy_at_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    other = Fake(asyncio.Event(), name="audit")
    both = tee([Fake(), other])
    await both.request(request(seconds=0.02))
    await both.close()
    assert other.cancelled == 1
    assert caplog.messages == ["tee of 2: the copy for audit had no answer in time"]


async def test_tee_hands_on_the_failure_of_the_first() -> None:
    other = Fake()
    both = tee([Fake(ConnectFailed("gone")), other])
    with pytest.raises(ConnectFailed):
        await both.request(request())
    await both.close()
    assert other.count == 1


async def test_tee_keeps_copying_when_the_caller_gives_up() -> None:
    release = asyncio.Event()
    first, other = Fake(asyncio.Event()), Fake(release)
    both = tee([first, other])
    waiting = asyncio.create_task(both.request(request()))
    await asyncio.gather(first.asked.wait(), other.asked.wait())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await both.close()
    assert (first.cancelled, other.cancelled) == (1, 0)


async def test_tee_copies_nothing_that_is_no_json() -> None:
    other = Fake()
    with pytest.raises(Unencodable):
        await tee([Fake(), other]).request(request({"bad": object()}))
    assert other.count == 0


async def test_tee_bounds_the_copies_under_way(caplog: pytest.LogCaptureFixture) -> None:
    release = asyncio.Event()
    first, other = Fake(), Fake(release, name="audit")
    both = tee([first, other], max_pending=2)
    for _ in range(3):
        await both.request(request())
    assert (first.count, other.count) == (3, 2)
    assert caplog.messages == ["tee of 2: no copy for audit, since 2 are under way already"]
    release.set()
    await both.close()


async def test_tee_gives_copies_a_little_time_when_it_is_closed() -> None:
    release = asyncio.Event()
    ends = [Fake(), Fake(release)]
    both = tee(ends, grace=5)
    await both.request(request())
    asyncio.get_running_loop().call_later(0.02, release.set)
    await both.close()
    assert ends[1].cancelled == 0
    assert [end.closed for end in ends] == [1, 1]


async def test_tee_ends_copies_that_take_longer(caplog: pytest.LogCaptureFixture) -> None:
    other = Fake(asyncio.Event())
    both = tee([Fake(), other], grace=0.01)
    await both.request(request())
    await both.close()
    assert (other.cancelled, other.closed) == (1, 1)
    assert caplog.messages == ["tee of 2: closed before 1 copies had an answer"]


async def test_tee_sends_one_way() -> None:
    ends = [Fake(), Fake()]
    both = tee(ends)
    await both.send(request())
    await both.close()
    assert [end.verbs for end in ends] == [["send"], ["send"]]


def test_tee_is_available_when_the_first_is() -> None:
    first, other = Fake(), Fake()
    both = tee([first, other])
    other.up = False
    assert both.available
    first.up = False
    assert not both.available
    assert both.parts == [first, other]


def test_tee_says_what_it_expects() -> None:
    with pytest.raises(ValueError, match="at least one client"):
        tee([])
