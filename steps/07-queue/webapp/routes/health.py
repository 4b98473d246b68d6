"""Whether the webapp answers, for those who watch over it. It does even when the services behind it don't."""

from aiohttp import web

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    return web.Response(text="ok")
