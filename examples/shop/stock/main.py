"""The stock: how many of each item are there, and takes them out for an order."""

import os

from mu import Context, Mu, ServiceError, run, tcp

items = {"tea": 10, "cup": 3}
taken: dict[str, int] = {}  # by the id of the message: one that comes again takes nothing more

mu = Mu("stock")
mu.inbound({"role": "stock"}, tcp.server(host=os.environ["SERVICE_HOST"], port=os.environ["SERVICE_PORT"]))


@mu.define({"role": "stock", "cmd": "count"})
def count(message: dict) -> int:
    return items.get(message["item"], 0)


@mu.define({"role": "stock", "cmd": "take"})
def take(message: dict, ctx: Context) -> int:
    """How many are left."""
    item, wanted = message["item"], message["count"]
    if ctx.id not in taken:
        if items.get(item, 0) < wanted:
            raise ServiceError(f"expected at least {wanted} of {item}, found {items.get(item, 0)}", status=409)
        items[item] -= wanted
        taken[ctx.id] = items[item]
    return taken[ctx.id]


run(mu.serve())
