"""The users page: an empty place, as project skeletons have it, for what is yours to add."""

import aiohttp_jinja2
from aiohttp import web

routes = web.RouteTableDef()


@routes.get("/users")
@aiohttp_jinja2.template("users.html")
async def users(request: web.Request) -> dict:
    return {}
