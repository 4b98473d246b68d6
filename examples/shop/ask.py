"""python ask.py tea 2: orders two packets of tea in the shop that runs."""

import os
import sys

from mu import Mu, MuError, run, tcp

PORT = os.environ.get("ORDERS_SERVICE_PORT", "8102")


async def main(item: str, count: int) -> None:
    async with Mu("customer") as mu:
        mu.outbound({"role": "orders"}, tcp.client(port=PORT))
        try:
            order = await mu.dispatch({"role": "orders", "cmd": "place", "item": item, "count": count}, timeout=3)
        except MuError as error:
            sys.exit(f"{error.status}: {error}")
        print(f"order {order['number']}: {order['count']} x {order['item']}, {order['left']} left")


run(main(sys.argv[1], int(sys.argv[2])))
