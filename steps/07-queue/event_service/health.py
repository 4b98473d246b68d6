"""How the event service is: GET /healthz."""

import asyncio

from aiohttp import web
from concordant import ConcordantError, resolve, srv_name
from redis.asyncio import Redis
from redis.exceptions import RedisError
from service import Unavailable, events

PATIENCE = 1.0  # seconds that the queue has for an answer

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """200 if it can do its work, else 503 and why it can't."""
    problems = [problem for problem in (await database_problem(), await queue_problem("redis")) if problem]
    return web.Response(text="; ".join(problems) or "ok", status=503 if problems else 200)


async def database_problem() -> str:
    try:
        await events.check()
    except Unavailable as error:
        return str(error)
    return ""


async def queue_problem(service: str) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            endpoint, *_ = await resolve(srv_name(service))
            async with Redis(host=endpoint.host, port=endpoint.port) as redis:
                await redis.ping()
    except ConcordantError:
        return f"{service} cannot be found"
    except (RedisError, OSError):
        return f"{service} does not answer"
    return ""
