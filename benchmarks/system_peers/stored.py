"""What the system has stored: calculations in the audit, page loads for the report, and what is on the way to it."""

import time
from collections import Counter
from typing import Any, NamedTuple

from pymongo import MongoClient
from redis import Redis

PATIENCE = 60.0  # seconds for the last entry to arrive


class Counts(NamedTuple):
    at: float  # seconds since 1970
    audit: int
    events: int
    queue: int  # events in Redis: waiting, or with a consumer


class Stored:
    """`with Stored(mongo_port, redis_port) as stored:` it looks directly into both."""

    def __init__(self, mongo: int, redis: int) -> None:
        self._mongo: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", mongo)
        self._redis = Redis(port=redis)
        self.seen: list[Counts] = []

    def look(self) -> None:
        waiting = sum(self._redis.llen(key) for key in ("events_req", *self._redis.keys("events_work_*")))
        audit, events = (self._mongo[name][name].estimated_document_count() for name in ("audit", "events"))
        self.seen.append(Counts(time.time(), audit, events, waiting))

    def wait_for(self, count: int) -> None:
        """Until there are so many of both, and nothing is on the way."""
        self.look()
        deadline = time.monotonic() + PATIENCE
        while not done(self.seen[-1], count) and time.monotonic() < deadline:
            time.sleep(0.01)
            self.look()

    def calculations(self, since: float) -> Counter[str]:
        return Counter(f"{each['calc']} = {each['result']}" for each in self._newer("audit", since))

    def page_loads(self, since: float) -> Counter[str]:
        return Counter(each["url"] for each in self._newer("events", since))

    def _newer(self, name: str, since: float) -> Any:
        return self._mongo[name][name].find({"ts": {"$gte": 1e3 * since}}, batch_size=10_000)

    def __enter__(self) -> "Stored":
        return self

    def __exit__(self, *_: object) -> None:
        self._mongo.close()
        self._redis.close()


def done(counts: Counts, count: int) -> bool:
    return counts.audit >= count and counts.events >= count and not counts.queue


class Backlog(NamedTuple):
    """What was not stored when the load ended, and the seconds until it was."""

    calculations: int
    page_loads: int
    queue: int
    seconds: float


def backlog(seen: list[Counts], stop: float, count: int) -> Backlog:
    """`count`: how many there are of both in the end. `stop`: when the load ended."""
    then = min(seen, key=lambda counts: abs(counts.at - stop))
    end = next((counts.at for counts in seen if done(counts, count)), float("inf"))
    return Backlog(count - then.audit, count - then.events, then.queue, max(0.0, end - stop))


def differences(found: Counter[str], expected: set[str]) -> dict[str, int]:
    """How many are missing, are there more than once, or should not be there; what is 0 is left out."""
    counts = {
        "missing": len(expected - found.keys()),
        "twice": sum(found.values()) - len(found),
        "others": len(found.keys() - expected),
    }
    return {name: count for name, count in counts.items() if count}
