"""The entries, in MongoDB: in the collection `audit` of the database `audit`."""

import asyncio
import logging
from types import TracebackType
from typing import Any, Self

from pymongo import AsyncMongoClient
from pymongo.errors import BulkWriteError, PyMongoError

PATIENCE = 1000  # milliseconds that the database has for an answer; who asks waits longer than that
MOST_AT_ONCE = 100
ALREADY_THERE = 11000  # MongoDB's code of an _id that there is

log = logging.getLogger("audit_service")


class Unavailable(Exception):
    """The database is not to be had at the moment."""


class Entries:
    """`async with Entries(...)`: one client for its life, which connects when it is needed, and again after a loss.

    What is added while others are being written is written next, all of it at once.
    """

    def __init__(self, host: str, port: int) -> None:
        self.where = f"MongoDB at {host}:{port}"
        self._address = host, port
        self._has_index = False
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
            return await self._collection.find({}, {"_id": False}).sort("ts", -1).to_list(count)
        except PyMongoError as error:
            raise self._unavailable(error) from None

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                await self._write([entry for entry, _ in batch])
            except PyMongoError as error:
                failed, self._waiting = batch + self._waiting, []  # the others would fare no better
                settle(failed, self._unavailable(error))
            except BaseException:
                settle(batch, Unavailable("the entry may not have been written"))
                raise
            else:
                settle(batch, None)

    async def _write(self, entries: list[dict[str, Any]]) -> None:
        if not self._has_index:
            await self._collection.create_index("ts")
            self._has_index = True
        try:
            await self._collection.insert_many(entries, ordered=False)
        except BulkWriteError as error:
            problems = error.details["writeErrors"] + error.details["writeConcernErrors"]
            if any(problem["code"] != ALREADY_THERE for problem in problems):
                raise

    def _unavailable(self, error: PyMongoError) -> Unavailable:
        self._has_index = False  # when it is back, it may be another, empty one
        log.warning("%s: %s: %s", self.where, type(error).__name__, str(error).partition(" (")[0])
        return Unavailable(f"{self.where} does not answer")

    async def __aenter__(self) -> Self:
        self._client: AsyncMongoClient = AsyncMongoClient(
            *self._address, timeoutMS=PATIENCE, serverSelectionTimeoutMS=PATIENCE, journal=True
        )
        self._collection = self._client["audit"]["audit"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()


def settle(batch: list[tuple[dict[str, Any], asyncio.Future[None]]], problem: Unavailable | None) -> None:
    for _, stored in batch:
        if stored.done():  # its caller has gone
            continue
        if problem:
            stored.set_exception(problem)
        else:
            stored.set_result(None)
