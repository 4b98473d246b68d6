"""The event service's entry: it takes messages from its queues, and says over HTTP how it is."""

import asyncio
import os

from aiohttp import web
from health import routes
from mu import run
from service import events
from wiring import mu

HOST = os.environ.get("SERVICE_HOST", "localhost")
PORT = os.environ.get("SERVICE_PORT", "0")  # 0 is any free one, for whoever starts it by itself


async def main() -> None:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        async with events, mu:
            await web.TCPSite(runner, HOST, int(PORT)).start()
            await asyncio.get_running_loop().create_future()
    finally:
        await runner.cleanup()


run(main())
