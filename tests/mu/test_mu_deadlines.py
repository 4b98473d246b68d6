"""Deadlines of tasks."""

import asyncio

import pytest

from mu.deadlines import TICK, Deadlines


async def test_a_task_is_cancelled_at_its_deadline_not_before() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    began = loop.time()
    watch = deadlines.watch(began + 0.05)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(10)
    assert watch.ended_it()
    watch.stop()
    assert loop.time() - began >= 0.05
    task = asyncio.current_task()
    assert task
    assert task.cancelling() == 0
    assert len(deadlines) == 0


async def test_a_watch_that_is_stopped_does_nothing() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    watch = deadlines.watch(loop.time() + 0.02)
    watch.stop()
    await asyncio.sleep(0.05)
    assert not watch.expired
    assert len(deadlines) == 0


async def test_a_foreign_cancellation_is_not_taken_for_the_deadline() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    outcome = []

    async def wait() -> None:
        watch = deadlines.watch(loop.time() + 10)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            outcome.append(watch.ended_it())
            raise
        finally:
            watch.stop()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcome == [False]
    assert task.cancelled()


async def test_of_two_deadlines_in_one_task_the_outer_one_ends_it() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    outer = deadlines.watch(loop.time() + 0.02)
    inner = deadlines.watch(loop.time() + 0.02)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(10)
    assert not inner.ended_it()
    inner.stop()
    assert outer.ended_it()
    outer.stop()


async def test_many_deadlines_ring_in_order() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    ended: list[int] = []

    async def wait(number: int, seconds: float) -> None:
        watch = deadlines.watch(loop.time() + seconds)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            assert watch.ended_it()
            ended.append(number)
        finally:
            watch.stop()

    await asyncio.gather(*(wait(number, (10 - number) * 3 * TICK) for number in range(10)))
    assert ended == list(reversed(range(10)))
    assert len(deadlines) == 0
