"""The life of the receiver of traces and metrics: where it listens, and where it puts what comes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fuge import ports
from fuge.engine.metrics.board import Board
from fuge.errors import NotReadyError, without_package
from fuge.plan.system import TRACES_HOST, System
from fuge.services.threads import in_loop

if TYPE_CHECKING:
    from fuge.engine.traces.http import Http
    from fuge.engine.traces.writer import Writer


class Receiver:
    """Keeps the traces that services send, in a data folder, and their metrics, in `metrics`, as long as it listens.

    `complain` is told what goes wrong there.

    What it needs besides is only loaded when it is to listen: it takes its time, and may not be installed.
    """

    def __init__(self, data: Path, complain: Callable[[str], object]) -> None:
        self.metrics = Board(complain)
        self._data, self._complain = data, complain
        self._writer: Writer | None = None
        self._listening: tuple[int, Http] | None = None

    async def follow(self, system: System) -> None:
        """Listen where the system says, or not at all.

        Raises NotReadyError if that is taken, NotInstalledError without the extra `ui`; then it changes nothing.
        """
        port = system.traces_port if system.traces_enabled else None
        if port == (self._listening and self._listening[0]):
            return
        if port is None:
            await self.close()
            return
        new = await self._listen(port)
        if self._listening:
            await self._listening[1].close()
        self._listening = port, new

    async def close(self) -> None:
        """Return when all that has come is written."""
        if self._listening:
            _, http = self._listening
            self._listening = None
            await http.close()
            self.metrics.clear()
        if self._writer:
            writer, self._writer = self._writer, None
            await writer.close()

    async def _listen(self, port: int) -> "Http":
        try:
            from fuge.engine.traces.http import Http
        except ModuleNotFoundError as error:
            raise without_package(error) from None
        if not ports.is_free(port, TRACES_HOST):  # a listener on all addresses would let ours stand beside it
            raise taken(port)
        http = Http(self._writer_of_now(), self.metrics)
        try:
            await http.listen(TRACES_HOST, port)
        except OSError:
            raise taken(port) from None
        return http

    def _writer_of_now(self) -> "Writer":
        from fuge.engine.traces.database import database_file
        from fuge.engine.traces.writer import Writer

        loop = asyncio.get_running_loop()
        if self._writer is None:
            self._writer = Writer(database_file(self._data), lambda text: in_loop(loop, self._complain, text))
        return self._writer


def taken(port: int) -> NotReadyError:
    holder = ports.describe(ports.holder(port))
    advice = "take another one: traces_port in fuge_global, `fuge -p traces=PORT` for this run, or --isolated"
    return NotReadyError(f"port {port} (traces_port) is held by {holder}: {advice}")
