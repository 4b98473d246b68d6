"""One open page: it is told everything at first, then what is new to it."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from fuge.faces.ui.feed import Feed

PAUSE = 0.1  # seconds between two messages at least: what comes meanwhile goes together
News = dict[str, Any]


class Tab:
    """Remembers what it has told. A tab that is slow misses old lines, and delays nobody else."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._system: Mapping[str, Any] = {}
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._line = 0

    async def tell(self, socket: web.WebSocketResponse) -> None:
        """Returns when nobody is there any more."""
        with self._feed.watched(), contextlib.suppress(ConnectionError):
            await socket.send_str(json.dumps({**self._news(), "full": True}))
            while True:
                change = self._feed.change
                if news := self._news():
                    await socket.send_str(json.dumps(news))
                await change.wait()
                await asyncio.sleep(PAUSE)

    def _news(self) -> News:
        """The parts that have changed. "names" are all instances in their order, "services" those that are new.

        "now" is the time here, in seconds since the epoch.
        """
        feed, news = self._feed, News()
        if feed.system != self._system:
            self._system = news["system"] = feed.system
        if list(feed.rows) != list(self._rows):
            news["names"] = list(feed.rows)
        if changed := [row for name, row in feed.rows.items() if row != self._rows.get(name)]:
            news["services"] = changed
        self._rows = feed.rows
        if lines := feed.lines.after(self._line):
            news["lines"] = lines
        self._line = feed.lines.last
        return news | {"now": time.time()} if news else news
