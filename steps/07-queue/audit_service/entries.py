"""The entries, in MongoDB: in the collection `audit` of the database `audit`."""

import asyncio
import logging
from types import TracebackType
from typing import Any, Self

from concordant import ConcordantError, resolve, srv_name
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError

PATIENCE = 1000  # milliseconds that DNS has for an answer, and the database; who asks waits longer than both
MOST_AT_ONCE = 100
ALREADY_THERE = 11000  # MongoDB's code of an _id that there is

log = logging.getLogger("audit_service")


class Unavailable(Exception):
    """The database is not to be had at the moment."""


class Entries:
    """`async with Entries("mongo")`: the service of that name is looked up in DNS, and connected to, when it is needed.

    When it does not answer it is looked up again: it may be elsewhere by now. What is added while others are being
    written is written next, all of it at once.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._addresses: list[str] = []
        self._client: AsyncMongoClient | None = None
        self._finding = asyncio.Lock()
        self._found = self._has_index = False
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, entry: dict[str, Any]) -> None:
        """Returns when it is on disk; one whose `_id` is there already changes nothing. Raises Unavailable."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, stored))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await stored

    async def newest(self, count: int) -> list[dict[str, Any]]:
        """Raises Unavailable."""
        try:
            collection = await self._collection()
            return await collection.find({}, {"_id": False}).sort("ts", -1).to_list(count)
        except (ConcordantError, PyMongoError) as error:
            raise self._unavailable(error) from None

    async def _collection(self) -> AsyncCollection:
        """Raises ConcordantError."""
        async with self._finding:
            if not self._found:
                try:
                    endpoints = await resolve(srv_name(self.service), timeout=PATIENCE / 1000)
                    await self._connect(sorted(map(str, endpoints)))
                    self._found = True
                except ConcordantError:
                    if self._client is None:
                        raise  # else it is tried where it was
            return self._client["audit"]["audit"]

    async def _connect(self, addresses: list[str]) -> None:
        """One client for as long as the database stays where it is; it connects when it is needed."""
        if addresses == self._addresses:
            return
        if self._client is not None:
            await self._client.close()
        log.info("%s is at %s", self.service, ", ".join(addresses))
        self._addresses = addresses
        self._client = AsyncMongoClient(addresses, timeoutMS=PATIENCE, serverSelectionTimeoutMS=PATIENCE, journal=True)

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                await self._write([entry for entry, _ in batch])
            except (ConcordantError, PyMongoError) as error:
                failed, self._waiting = batch + self._waiting, []  # the others would fare no better
                settle(failed, self._unavailable(error))
            except BaseException:
                settle(batch, Unavailable("the entry may not have been written"))
                raise
            else:
                settle(batch, None)

    async def _write(self, entries: list[dict[str, Any]]) -> None:
        collection = await self._collection()
        if not self._has_index:
            await collection.create_index("ts")
            self._has_index = True
        try:
            await collection.insert_many(entries, ordered=False)
        except BulkWriteError as error:
            problems = error.details["writeErrors"] + error.details["writeConcernErrors"]
            if any(problem["code"] != ALREADY_THERE for problem in problems):
                raise

    def _unavailable(self, error: ConcordantError | PyMongoError) -> Unavailable:
        self._found = self._has_index = False  # when it is back, it may be another one, elsewhere and empty
        log.warning("%s: %s: %s", self.service, type(error).__name__, str(error).partition(" (")[0])
        if isinstance(error, ConcordantError):
            return Unavailable(f"{self.service} cannot be found")
        return Unavailable(f"MongoDB at {', '.join(self._addresses)} does not answer")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()


def settle(batch: list[tuple[dict[str, Any], asyncio.Future[None]]], problem: Unavailable | None) -> None:
    for _, stored in batch:
        if stored.done():  # its caller has gone
            continue
        if problem:
            stored.set_exception(problem)
        else:
            stored.set_result(None)
