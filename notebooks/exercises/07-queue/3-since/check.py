"""Since when: the summary of what came later than a given time."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mu import Mu, MuError, ServiceError, redis
from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds
EVENTS = {"http://one.example/": 1000, "http://two.example/": 2000, "http://three.example/": 3000}


def check(system: System) -> None:
    with ThreadPoolExecutor(1) as thread:  # in that of a notebook's cells an event loop runs already
        thread.submit(lambda: asyncio.run(ask(system.ports["redis"]))).result()


async def ask(port: int) -> None:
    mu = Mu()
    mu.outbound({"role": "events"}, redis.client(port=port, list="events"))
    mu.outbound({"role": "report"}, redis.client(port=port, list="report"))
    async with mu:
        for url, ts in EVENTS.items():
            mu.send({"role": "events", "cmd": "record", "type": "page", "url": url, "ts": ts})
        deadline = time.monotonic() + PATIENCE
        while not {*EVENTS} <= (found := await urls(mu)):
            if time.monotonic() > deadline:
                not_yet(f"summary: expected {', '.join(EVENTS)}, found {found}")
            await asyncio.sleep(0.05)
        if (found := await urls(mu, since=1500) & {*EVENTS}) != {"http://two.example/", "http://three.example/"}:
            not_yet(f"summary since 1500, of events at 1000, 2000 and 3000: expected the last two, found {len(found)}")
        try:
            found = await urls(mu, since="yesterday")
        except ServiceError as error:
            if error.status != 400:
                not_yet(f"summary since 'yesterday': expected status 400, found {error.status}")
        else:
            not_yet(f"summary since 'yesterday': expected status 400, found {len(found)} pages")


async def urls(mu: Mu, **more: Any) -> set[str]:
    try:
        answer = await mu.dispatch({"role": "report", "cmd": "summary", **more}, timeout=PATIENCE)
    except ServiceError:
        raise
    except MuError as error:
        not_yet(f"summary: expected an answer, found {type(error).__name__}: {error}")
    return {page["url"] for page in answer["pages"]}
