"""The adder with mu: python ours.py server|client asyncio|uvloop POOL PORT

With asyncio it is the standard library alone, so with its json; with uvloop, all that the extra `fast` brings.
"""

import asyncio
import sys
from typing import Any

import load


async def add(args: dict[str, Any]) -> int:
    return args["first"] + args["second"]


async def server(port: int) -> None:
    from mu import Mu, tcp

    async with Mu(name="adder") as mu:
        mu.define({"role": "basic", "cmd": "add"}, add)
        mu.inbound({"role": "basic", "cmd": "*"}, tcp.server(port=port))
        await mu.start()
        print("ready", flush=True)
        await asyncio.Event().wait()


async def client(port: int, pool: int) -> None:
    from mu import Mu, tcp

    async with Mu(name="caller") as mu:
        mu.outbound({"role": "basic", "cmd": "add"}, tcp.client(port=port, pool=pool))
        await load.obey(lambda number: mu.dispatch({"role": "basic", "cmd": "add", "first": number, "second": 1}))


if __name__ == "__main__":
    _, half, loop, pool, port, *_ = sys.argv
    if loop == "asyncio":
        sys.modules |= {"msgspec": None}  # type: ignore[dict-item]  # as if it were not installed
    load.run(server(int(port)) if half == "server" else client(int(port), int(pool)), loop)
