"""Runs what comes in, each to its first wait at once, without a task for each.

One task works through the queue. A job that never waits, such as an addition, costs no task of its own. One that does
wait keeps the task, which is then its alone, and another task takes over the queue. So a job always runs in a true
task, as `asyncio.timeout` and others need it, and never in one that a waiting job has used before.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import Any, Protocol

log = logging.getLogger("mu")


class Job(Protocol):
    def run(self) -> Coroutine[Any, Any, None]:
        """The work. It deals with all its errors itself."""
        ...

    def give_up(self) -> None:
        """Told when it will not be run any more."""
        ...

    def waits(self, task: "asyncio.Task[None]") -> None:
        """Told when it waits for the first time, with the task that it has from now on to itself."""
        ...


class Workers:
    def __init__(self) -> None:
        self._queue: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clean = copy_context()  # what each job begins with: the variables as they were when this was made
        self._worker: asyncio.Task[None] | None = None

    def submit(self, job: Job) -> None:
        self._queue.append(job)
        if self._worker is None:
            self._start()

    def __len__(self) -> int:
        """Jobs that are not done."""
        return len(self._queue) + len(self._tasks)

    async def close(self, grace: float) -> None:
        """Wait for up to so many seconds until nothing is left; then cancel the rest, and wait until it has ended."""
        deadline = asyncio.get_running_loop().time() + grace
        while self._tasks and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        while self._tasks:
            while self._queue:
                self._queue.popleft().give_up()
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        task = self._worker = asyncio.create_task(self._work(), context=self._clean.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        await self._through_the_queue()

    @coroutine
    def _through_the_queue(self) -> Generator[Any, Any, None]:
        while self._queue:
            job = self._queue.popleft()
            work = job.run()
            try:
                awaited = work.send(None)  # up to its first wait; `await` would not tell whether there is one
            except StopIteration:
                if copy_context() == self._clean:
                    continue
                break  # it left a context variable behind, which is not for the next to see
            except Exception:
                log.exception("a job failed, which should deal with its errors itself")
                continue
            self._hand_over(job)
            yield from rest_of(work, awaited)
            return
        self._worker = None
        if self._queue:
            self._start()

    def _hand_over(self, job: Job) -> None:
        task, self._worker = self._worker, None
        assert task
        if self._queue:
            self._start()
        job.waits(task)


def rest_of(work: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """What `await work` would do from there on where work waits for the first time."""
    while True:
        try:
            yield awaited
        except BaseException as error:  # such as a cancellation, which is for the work to deal with
            try:
                awaited = work.throw(error)
            except StopIteration:
                return
        else:
            break
    yield from work.__await__()
