"""How incoming messages are run."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

import pytest

from mu.workers import Workers

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="clean")


class Task:
    """A job that notes which task it ran in, when it waited, and whether it was given up."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.work = work
        self.tasks: list[asyncio.Task[None] | None] = []
        self.waited: list[asyncio.Task[None]] = []
        self.given_up = self.done = False

    async def run(self) -> None:
        self.tasks.append(asyncio.current_task())
        try:
            await self.work()
        except asyncio.CancelledError:
            self.given_up = True
        self.tasks.append(asyncio.current_task())
        self.done = True

    def waits(self, task: "asyncio.Task[None]") -> None:
        self.waited.append(task)

    def give_up(self) -> None:
        self.given_up = True


async def nothing() -> None:
    pass


async def until_idle(workers: Workers) -> None:
    async with asyncio.timeout(10):
        while len(workers):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_jobs_that_do_not_wait_share_one_task() -> None:
    workers, jobs = Workers(), [Task(nothing) for _ in range(10)]
    for job in jobs:
        workers.submit(job)
    await until_idle(workers)
    assert len({task for job in jobs for task in job.tasks}) == 1
    assert not any(job.waited for job in jobs)


async def test_a_job_that_waits_has_its_task_to_itself_and_holds_nobody_up() -> None:
    workers, gate = Workers(), asyncio.Event()
    before, waiting, after = Task(nothing), Task(lambda: gate.wait()), Task(nothing)  # type: ignore[arg-type, return-value]
    for job in (before, waiting, after):
        workers.submit(job)
    await asyncio.sleep(0.01)
    assert (before.done, waiting.done, after.done) == (True, False, True)
    assert waiting.waited == [waiting.tasks[0]]
    gate.set()
    await until_idle(workers)
    assert waiting.tasks[0] is waiting.tasks[1]
    assert after.tasks[0] is not waiting.tasks[0]


async def test_asyncio_timeout_works_before_and_after_the_first_wait() -> None:
    workers = Workers()
    outcomes: list[str] = []

    async def work() -> None:
        for _ in range(2):
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(10)
            except TimeoutError:
                outcomes.append("timeout")

    jobs = [Task(work) for _ in range(3)]
    for job in jobs:
        workers.submit(job)
    await until_idle(workers)
    assert outcomes == ["timeout"] * 6
    assert not any(job.given_up for job in jobs)


async def test_several_jobs_may_wait_for_one_future() -> None:
    workers = Workers()
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await future

    jobs = [Task(work) for _ in range(5)]
    for job in jobs:
        workers.submit(job)
    await asyncio.sleep(0)
    future.set_result(None)
    await until_idle(workers)
    assert all(job.done for job in jobs)


async def test_a_context_variable_is_not_seen_by_the_next_job() -> None:
    workers, seen = Workers(), []

    async def leave() -> None:
        variable.set("dirty")

    async def look() -> None:
        seen.append(variable.get())

    async def leave_and_wait() -> None:
        variable.set("mine")
        await asyncio.sleep(0)
        seen.append(variable.get())

    for work in (look, leave, look, leave_and_wait, look):
        workers.submit(Task(work))
    await until_idle(workers)
    assert sorted(seen) == ["clean", "clean", "clean", "mine"]


async def test_close_waits_for_what_is_under_way() -> None:
    workers, job = Workers(), Task(lambda: asyncio.sleep(0.05))
    workers.submit(job)
    await workers.close(5)
    assert job.done
    assert not job.given_up


async def test_close_cancels_what_takes_too_long_and_gives_up_what_has_not_begun() -> None:
    workers = Workers()
    waiting = Task(lambda: asyncio.sleep(60))
    workers.submit(waiting)
    await asyncio.sleep(0)
    late = Task(nothing)
    workers.submit(late)
    await workers.close(0)
    assert waiting.given_up
    assert late.given_up or late.done
    assert len(workers) == 0


async def test_an_error_of_the_job_itself_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Jobs deal with their errors; should one not, the rest of the queue still runs."""
    workers = Workers()

    class Broken(Task):
        async def run(self) -> None:
            raise RuntimeError("a bug")

    after = Task(nothing)
    workers.submit(Broken(nothing))
    workers.submit(after)
    await until_idle(workers)
    assert after.done
    assert "a bug" in caplog.text
