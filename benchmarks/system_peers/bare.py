"""The limit: one process that parses the same form and does nothing with it: python bare.py asyncio|uvloop PORT"""

import sys

from aiohttp import web


async def calculate(request: web.Request) -> web.Response:
    typed = await request.post()
    return web.Response(text=f"{typed['first']} + {typed['second']}")


def main(loop: str, port: int) -> None:
    app = web.Application()
    app.router.add_post("/add/calculate", calculate)
    if loop == "uvloop":
        import uvloop

        web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, loop=uvloop.new_event_loop())
    else:
        web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
