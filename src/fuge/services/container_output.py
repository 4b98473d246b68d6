"""What a container says: a thread reads it from the engine, and whole lines are passed on in the event loop."""

import asyncio
import contextlib
import threading
from typing import Any

from fuge.services.logs import Lines
from fuge.services.process import Listener
from fuge.services.threads import in_loop

AHEAD = 32  # pieces of output that may wait for the loop, before the container has to wait


class Output:
    """The output of one container, out and err. `last` is its last line so far."""

    def __init__(self, listener: Listener) -> None:
        self.last = ""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._lines = {"out": Lines(), "err": Lines()}
        self._room = threading.Semaphore(AHEAD)
        self._stream: Any = None

    # In the thread that follows the container -------------------------------------------------------------------

    @property
    def is_attached(self) -> bool:
        return self._stream is not None

    def attach(self, api: Any, container: str) -> None:
        self._stream = api.attach(container, stream=True, demux=True)

    def read(self) -> None:
        """To its end, or that of the loop."""
        for out, err in self._stream or ():
            self._room.acquire()
            if not in_loop(self._loop, self._hear, "err" if out is None else "out", out or err):
                break

    def detach(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            close(stream)
            stream._response.close()  # which the SDK leaves to the garbage collection, and the open file with it

    # In the loop ------------------------------------------------------------------------------------------------

    def pass_on(self, stream: str, lines: list[str]) -> None:
        if lines:
            self.last = lines[-1]
            self._listener(stream, lines)

    def flush(self) -> None:
        """The last lines, which have no end."""
        for stream, lines in self._lines.items():
            self.pass_on(stream, lines.flush())

    def interrupt(self) -> None:
        """The thread may wait for more; it does so no longer."""
        if stream := self._stream:
            close(stream)

    def _hear(self, stream: str, data: bytes) -> None:
        self._room.release()
        self.pass_on(stream, self._lines[stream].feed(data))


def close(stream: Any) -> None:
    with contextlib.suppress(OSError):  # it is closed by now
        stream.close()
