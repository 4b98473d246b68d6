"""What a system has kept: its audit, its report, and what still waits to get there."""

from collections import Counter
from types import TracebackType
from typing import Any, Self

from blows.waiting import until_none
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from mu import Mu, redis, retry
from workbook import ports
from workbook.system import System


class Stored:
    """`async with Stored(system)`. The audit is read from the database, the report is asked for as report.sh does."""

    def __init__(self, system: System) -> None:
        self._system, self._mu = system, Mu("report")
        reports = redis.client(host=ports.HOST, port=system.ports["redis"], list="report")
        self._mu.outbound({"role": "report"}, retry(reports, attempts=5, unsafe=True))

    async def audit(self) -> Counter[str]:
        """Each entry, such as "1 + 2 = 3", and how often it is there."""
        found = self._database["audit"]["audit"].find()
        return Counter([f"{entry['calc']} = {entry['result']}" async for entry in found])

    async def report(self) -> Counter[str]:
        """Each page by its path, and how often it was loaded."""
        summary = await self._mu.dispatch({"role": "report", "cmd": "summary"}, timeout=30)
        here = self._system.url("webapp")
        return Counter({page["url"].removeprefix(here): page["count"] for page in summary["pages"]})

    async def queue_is_empty(self) -> None:
        """Returns when it is, and no event service has an event in hand. Raises TimeoutError."""
        await until_none(self._waiting, "events wait in Redis")

    async def _waiting(self) -> list[str]:
        keys = {key async for key in self._queue.scan_iter("events_*")}
        return sorted(key for key in keys if key in ("events_req", "events_later") or key.startswith("events_work_"))

    async def dead(self) -> list[str]:
        """The events that the event service has given up, with its reasons."""
        return list(await self._queue.lrange("events_dead", 0, -1))

    async def __aenter__(self) -> Self:
        self._database: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(ports.HOST, self._system.ports["mongo"])
        self._queue = Redis(host=ports.HOST, port=self._system.ports["redis"], decode_responses=True)
        await self._mu.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._mu.tear_down()
        await self._queue.aclose()
        await self._database.close()
