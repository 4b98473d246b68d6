"""The life of the DNS server: where it listens, and what it knows now."""

from collections.abc import Callable
from typing import Literal

from fuge import ports
from fuge.engine.dns.answers import Answers
from fuge.engine.dns.catalogue import Catalogue
from fuge.engine.dns.tcp import Tcp
from fuge.engine.dns.udp import Udp
from fuge.errors import NotReadyError
from fuge.plan.records import Zone
from fuge.plan.system import System

Place = tuple[str, int]  # where it listens


class Server:
    """Answers for the zones that `zones` gives, which is asked again after each `refresh`."""

    def __init__(self, zones: Callable[[], list[Zone]]) -> None:
        self._zones = zones
        self._answers = Answers(Catalogue([]))
        self._is_stale = True
        self._listening: tuple[Place, Udp, Tcp] | None = None

    async def follow(self, system: System) -> None:
        """Listen where the system says, or not at all. Raises NotReadyError, and changes nothing, if that is taken."""
        place = (system.dns_host, system.dns_port) if system.dns_enabled else None
        if place == (self._listening and self._listening[0]):
            return
        new = (place, *await self._listen(*place)) if place else None
        await self.close()
        self._listening = new

    def refresh(self) -> None:
        """What is known may have changed: look again before the next answer."""
        self._is_stale = True

    async def close(self) -> None:
        if self._listening:
            _, udp, tcp = self._listening
            self._listening = None
            udp.close()
            await tcp.close()

    async def _listen(self, host: str, port: int) -> tuple[Udp, Tcp]:
        if not ports.is_free(port, host):  # a listener on all addresses would let ours stand beside it
            raise taken(port, "tcp")
        tcp = Tcp(lambda query: self._answer(query, by_tcp=True))
        try:
            await tcp.listen(host, port)
        except OSError as problem:
            raise NotReadyError(f"the DNS server cannot listen on {host}:{port}: {problem.strerror}") from None
        try:
            return Udp(host, port, self._answer), tcp
        except OSError:
            await tcp.close()
            raise taken(port, "udp") from None

    def _answer(self, query: bytes, by_tcp: bool = False) -> bytes | None:
        if self._is_stale:
            self._answers.set(Catalogue(self._zones()))
            self._is_stale = False
        return self._answers.to(query, by_tcp)


def taken(port: int, kind: Literal["tcp", "udp"]) -> NotReadyError:
    holder = ports.describe(ports.holder(port, kind))
    advice = "take another one: dns_port in fuge_global, `fuge -p dns=PORT` for this run, or --isolated"
    return NotReadyError(f"port {port} (dns_port, {kind}) is held by {holder}: {advice}")
