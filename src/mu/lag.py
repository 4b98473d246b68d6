"""How late the event loop is: a handler that blocks it holds up all others, and this shows it."""

import asyncio

BEAT = 0.1  # seconds between two looks


class Lag:
    """`worst`: by how many seconds the loop was late at most, since the start."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._expect(asyncio.get_running_loop())

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _expect(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_at(loop.time() + BEAT, self._beat, loop, loop.time() + BEAT)

    def _beat(self, loop: asyncio.AbstractEventLoop, expected: float) -> None:
        self.worst = max(self.worst, loop.time() - expected)
        self._expect(loop)
