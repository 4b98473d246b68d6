"""Deadlines of many waiting tasks at once, at far less cost than a timer for each (a "timer wheel")."""

import asyncio
from heapq import heappop, heappush

EARLY = 0.001  # seconds: event loops may ring that much before the time
TICK = 0.01  # seconds: a deadline is kept to within one tick, never early


class Watch:
    """A task that is cancelled when its deadline passes, unless `stop` comes first.

    As in `asyncio.timeout`, the task then counts its cancellation as ours: `ended_it` tells it from anybody else's.
    """

    __slots__ = ("_among", "_before", "_task", "expired")

    def __init__(self, task: "asyncio.Task[object]", among: "set[Watch]") -> None:
        self._task, self._among, self.expired = task, among, False
        self._before = task.cancelling()
        among.add(self)

    def stop(self) -> None:
        """Called once, however it went."""
        if self.expired:
            self._task.uncancel()
        else:
            self._among.discard(self)

    def ended_it(self) -> bool:
        """Asked by the task when it is cancelled, before `stop`: whether it was by its deadline alone."""
        return self.expired and self._task.cancelling() - 1 <= self._before

    def expire(self) -> None:
        self.expired = True
        self._task.cancel()


class Deadlines:
    """All deadlines of one event loop: those that fall into the same tick share one timer."""

    def __init__(self) -> None:
        self._due: dict[int, set[Watch]] = {}
        self._ticks: list[int] = []  # a heap
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, deadline: float, task: "asyncio.Task[object] | None" = None) -> Watch:
        """`deadline` in seconds, by the clock of the event loop; the task is the current one, if none is given."""
        task = task or asyncio.current_task()
        assert task, "deadlines are for tasks"
        tick = int(deadline / TICK) + 1
        among = self._due.get(tick)
        if among is None:
            among = self._add(tick)
        return Watch(task, among)

    def __len__(self) -> int:
        """How many tasks are being watched."""
        return sum(map(len, self._due.values()))

    def _add(self, tick: int) -> set[Watch]:
        among = self._due[tick] = set()
        heappush(self._ticks, tick)
        if self._ticks[0] == tick:
            self._wind()
        return among

    def _wind(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._ticks:
            self._timer = asyncio.get_running_loop().call_at(self._ticks[0] * TICK + EARLY, self._ring)

    def _ring(self) -> None:
        now = asyncio.get_running_loop().time()
        self._timer = None
        while self._ticks and self._ticks[0] * TICK <= now:
            for watch in self._due.pop(heappop(self._ticks)):
                watch.expire()
        self._wind()
