"""Tasks that have to end do, also those in which a library loses the first cancellation."""

import asyncio

import pytest

from mu import cancelling
from mu.cancelling import cancelled


async def test_a_task_that_goes_on_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "AGAIN", 0.01)
    told = []

    async def deaf() -> None:
        while len(told) < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told.append("cancelled")

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await cancelled(task, None)
    assert task.done()
    assert len(told) == 2


async def test_nothing_to_end_is_no_fault() -> None:
    ended = asyncio.create_task(asyncio.sleep(0))
    await ended
    await cancelled(ended, None)
    await cancelled()
    assert not ended.cancelled()
