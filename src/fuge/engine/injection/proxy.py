"""Stands before one port of a service while there is a fault on the way to it."""

import asyncio
import socket
from collections.abc import Callable

from fuge import ports
from fuge.engine.injection.fault import Fault
from fuge.engine.injection.way import Side, Way
from fuge.errors import FugeError

TRIES = 3  # when somebody else is quicker to take a port
Place = Callable[[], tuple[str, int]]  # where the service is at the moment


class Proxy:
    """Listens on a free port of `host`, and passes on what comes to where `place` says, as the fault lets it.

    `port` is its number, and stays the same. Raises FugeError if there is no free one.
    """

    def __init__(self, host: str, place: Place) -> None:
        self.latency = self.drop = 0.0
        self.flows = asyncio.Event()
        self._host, self._place = host, place
        self._bound: socket.socket | None = held(host)
        self.port: int = self._bound.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()

    async def set(self, fault: Fault | None) -> None:
        """From now on, on connections that there are as well. None: pass everything on."""
        self.latency, self.drop = (fault.latency, fault.drop) if fault else (0.0, 0.0)
        if fault and fault.pause:
            self.flows.clear()
        else:
            self.flows.set()
        if fault and fault.down:
            await self._refuse()
        elif self._server is None:
            assert self._bound
            self._server = await asyncio.start_server(self._serve, sock=self._bound)
            self._bound = None

    async def close(self) -> None:
        if self._server:
            self._server.close()
        if self._bound:
            self._bound.close()
        await self._break_off()

    async def _refuse(self) -> None:
        """A socket that does not listen keeps the port, and the system refuses connections to it."""
        if self._server:
            self._server.close()
            self._server, self._bound = None, bound(self._host, self.port)
        await self._break_off()

    async def _break_off(self) -> None:
        for way in self._ways:
            way.cancel()
        if self._ways:
            await asyncio.wait(self._ways)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._ways.add(task)
        caller, broken = Side(reader, writer), True
        try:
            await self.flows.wait()
            service = Side(*await asyncio.open_connection(*self._place()))
            try:
                await Way(self, caller, service).carry()
                broken = False
            finally:
                service.close(broken)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            caller.close(broken)
            self._ways.discard(task)


def held(host: str) -> socket.socket:
    """A socket with a free port of its own. Raises FugeError."""
    for number in ports.free(TRIES, host=host):
        try:
            return bound(host, number)
        except OSError:
            continue
    raise FugeError(f"expected a free port on {host} for the way to a service, found none; see `fuge ps -l`")


def bound(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that it had may linger
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
