"""Whether every service of a system does its work."""

import contextlib
from types import TracebackType
from typing import Any, Self

import aiohttp
from blows.waiting import until_none

from mu import Mu, MuError, tcp
from workbook import ports
from workbook.system import System

PATIENCE = 5.0  # seconds for an answer


class Health:
    """`async with Health(system)`. It asks the services themselves, and leaves no trace in audit and report."""

    def __init__(self, system: System) -> None:
        self._system, self._mu = system, Mu("health")
        for role, service in (("basic", "adder_service"), ("audit", "audit_service")):
            self._mu.outbound({"role": role}, tcp.client(host=ports.HOST, port=system.ports[service]))

    async def restored(self) -> None:
        """Returns when all is well. Raises TimeoutError."""
        await until_none(self._problem, "not well")

    async def _problem(self) -> str:
        """The first service that is not well; those that need MongoDB and Redis say whether they have them."""
        for service in ("webapp", "event_service"):
            if not await self._says_ok(service):
                return service
        if await self._said(role="basic", cmd="add", first=1, second=1) != 2:
            return "adder_service"
        return "" if await self._said(role="audit", cmd="list") else "audit_service"

    async def _says_ok(self, service: str) -> bool:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._session.get(self._system.url(service, "/healthz")) as answer:
                return answer.status == 200
        return False

    async def _said(self, **message: Any) -> Any:
        with contextlib.suppress(MuError):
            return await self._mu.dispatch(message, timeout=PATIENCE)
        return None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        await self._mu.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._mu.tear_down()
        await self._session.close()
