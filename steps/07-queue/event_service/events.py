"""The events, in MongoDB: in the collection `events` of the database `events`, which nobody else uses."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import pymongo
from concordant import ConcordantError, resolve, srv_name
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError

PATIENCE = 1.0  # seconds that DNS has for an answer, and the database
SUMMING_UP = 4.0  # seconds that the database has for that
ALREADY_THERE = 11000  # MongoDB's code of an _id that there is

log = logging.getLogger("event_service")


class Unavailable(Exception):
    """The database is not to be had at the moment."""


class Events:
    """`async with Events("mongo")`: that service is looked up in DNS when it is needed, and again after a failure.

    What is added while others are being written is written next, all of it at once.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._addresses: list[str] = []
        self._client: AsyncMongoClient | None = None
        self._found = False
        self._finding, self._writing = asyncio.Lock(), asyncio.Lock()
        self._next: list[dict[str, Any]] = []
        self._written: asyncio.Task[None] | None = None  # when those of `_next` are

    async def add(self, event: dict[str, Any]) -> None:
        """Returns when it is on disk; one whose `_id` is there already changes nothing. Raises Unavailable."""
        self._next.append(event)
        if self._written is None:
            self._written = asyncio.create_task(self._write_next())
        await asyncio.shield(self._written)

    async def by_url(self) -> list[dict[str, Any]]:
        """Raises Unavailable."""
        steps = [
            {"$group": {"_id": "$url", "count": {"$sum": 1}}},
            {"$sort": {"count": -1, "_id": 1}},
            {"$project": {"_id": False, "url": "$_id", "count": True}},
        ]
        async with self._collection() as events:
            with pymongo.timeout(SUMMING_UP):
                return await (await events.aggregate(steps)).to_list()

    async def check(self) -> None:
        """Whether the database answers. Raises Unavailable."""
        async with self._collection() as events:
            await events.database.command("ping")

    async def _write_next(self) -> None:
        async with self._writing:
            events, self._next, self._written = self._next, [], None
            async with self._collection() as collection:
                try:
                    await collection.insert_many(events, ordered=False)
                except BulkWriteError as error:
                    problems = error.details["writeErrors"] + error.details["writeConcernErrors"]
                    if any(problem["code"] != ALREADY_THERE for problem in problems):
                        raise

    @asynccontextmanager
    async def _collection(self) -> AsyncIterator[AsyncCollection]:
        """Where the events are. What goes wrong with it is raised as Unavailable."""
        try:
            yield (await self._connected())["events"]["events"]
        except (ConcordantError, PyMongoError) as error:
            self._found = False  # it may be elsewhere by now
            log.warning("%s: %s: %s", self.service, type(error).__name__, str(error).partition(" (")[0])
            problem = "cannot be found" if isinstance(error, ConcordantError) else "does not answer"
            raise Unavailable(f"{self.service} {problem}") from None

    async def _connected(self) -> AsyncMongoClient:
        """One client for as long as the database stays where it is. Raises ConcordantError."""
        async with self._finding:
            if not self._found:
                endpoints = await resolve(srv_name(self.service), timeout=PATIENCE)
                addresses = sorted(map(str, endpoints))
                if addresses != self._addresses:
                    await self._disconnect()
                    limit = PATIENCE * 1000
                    self._client = AsyncMongoClient(
                        addresses, timeoutMS=limit, serverSelectionTimeoutMS=limit, journal=True
                    )
                    self._addresses = addresses
                self._found = True
            return self._client

    async def _disconnect(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._disconnect()
