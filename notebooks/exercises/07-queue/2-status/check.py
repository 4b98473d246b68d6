"""How it ended: an event says with which status its page was answered."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pymongo import MongoClient

from mu import Mu, redis
from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds
OLD = "http://old.example/"
LOADS = {"/users?status": 200, "/nothing?status": 404}


def check(system: System) -> None:
    for path in LOADS:
        system.get("webapp", path)
    for path, status in LOADS.items():
        found = stored(system, system.url("webapp", path)).get("status", "no status")
        if found != status:
            not_yet(f"GET {path}: expected an event with status {status}, found {found!r}")
    message = {"role": "events", "cmd": "record", "type": "page", "url": OLD}
    with ThreadPoolExecutor(1) as thread:  # in that of a notebook's cells an event loop runs already
        thread.submit(lambda: asyncio.run(record(system.ports["redis"], message))).result()
    stored(system, OLD)


def stored(system: System, url: str) -> dict[str, Any]:
    """The event in the database."""
    deadline = time.monotonic() + PATIENCE
    with MongoClient("127.0.0.1", system.ports["mongo"]) as client:
        while (event := client["events"]["events"].find_one({"url": url})) is None:
            if time.monotonic() > deadline:
                not_yet(f"event of {url}: expected it in the database within {PATIENCE} s, found none")
            time.sleep(0.05)
    return event


async def record(port: int, message: dict[str, Any]) -> None:
    mu = Mu()
    mu.outbound("*", redis.client(port=port, list="events"))
    async with mu:
        mu.send(message)
