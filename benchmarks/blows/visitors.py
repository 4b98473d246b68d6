"""Visitors of the webapp, who remember what they were told."""

import asyncio
import contextlib
import itertools
import time
from dataclasses import dataclass

import aiohttp

PATIENCE = 30.0  # seconds; a page takes at most two, on a machine that has nothing else to do


@dataclass
class Visit:
    """`path`: no two are the same. `calculation`, with its result, if it was one. `status`: None is no answer."""

    path: str
    calculation: str = ""
    status: int | None = None
    is_right: bool = False
    ended: float = 0.0  # by time.monotonic()


class Visitors:
    """They load pages, and every second page is a calculation if they do `calculate`; until it is `over`.

    `url` is that of the webapp, `pause` so many seconds from an answer to the next visit, `word` is in each address.
    """

    def __init__(self, url: str, pause: float, calculate: bool, word: str = "") -> None:
        self.visits: list[Visit] = []
        self.over = asyncio.Event()
        self._url, self._pause, self._calculate, self._word = url, pause, calculate, word
        self._numbers = itertools.count(1)

    async def come(self, count: int) -> None:
        # With a kept connection that has gone aiohttp would load the page a second time by itself, and not say so.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(*(self._stay(session) for _ in range(count)))

    async def _stay(self, session: aiohttp.ClientSession) -> None:
        while not self.over.is_set():
            visit = await self._visit(session, next(self._numbers))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause if visit.status else max(self._pause, 0.05)):
                    await self.over.wait()

    async def _visit(self, session: aiohttp.ClientSession, number: int) -> Visit:
        if self._calculate and number % 2:
            visit = Visit(f"/add/calculate?{self._word}{number}", f"{number} + 1 = {number + 1}")
            method, form, expected = "POST", {"first": str(number), "second": "1"}, f">{number + 1}</output>"
        else:
            visit = Visit(f"/users?{self._word}{number}")
            method, form, expected = "GET", None, "<h1>Users</h1>"
        self.visits.append(visit)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.request(method, self._url + visit.path, data=form) as answer:
                text = await answer.text()
                visit.status, visit.is_right = answer.status, answer.status == 200 and expected in text
        visit.ended = time.monotonic()
        return visit
