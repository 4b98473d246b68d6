"""The orders: takes what is ordered from the stock, and lets the mail write to the customer."""

import itertools
import os

from mu import Mu, ServiceError, breaker, outbox, retry, run, tcp

numbers = itertools.count(1)

mu = Mu("orders")
mu.inbound({"role": "orders"}, tcp.server(host=os.environ["SERVICE_HOST"], port=os.environ["SERVICE_PORT"]))

stock = tcp.client(host=os.environ["STOCK_SERVICE_HOST"], port=os.environ["STOCK_SERVICE_PORT"])
mail = tcp.client(host=os.environ["MAIL_SERVICE_HOST"], port=os.environ["MAIL_SERVICE_PORT"])
mu.outbound({"role": "stock"}, retry(breaker(stock)))
mu.outbound({"role": "mail"}, outbox(mail, folder=os.environ.get("OUTBOX")))


@mu.define({"role": "orders", "cmd": "place"})
async def place(message: dict) -> dict:
    item, count = message.get("item"), message.get("count")
    if not isinstance(item, str) or not isinstance(count, int) or count < 1:
        raise ServiceError(f"expected an item and a count of 1 or more, found {item!r} and {count!r}", status=400)
    left = await mu.dispatch({"role": "stock", "cmd": "take", "item": item, "count": count}, timeout=2)
    order = {"number": next(numbers), "item": item, "count": count}
    mu.send({"role": "mail", "cmd": "confirm", **order})  # nobody waits for it
    return {**order, "left": left}


run(mu.serve())
