"""The mail: writes to the customer, once for each order, however often the message comes."""

import os

from mu import Context, Mu, run, tcp

seen: set[str] = set()
letters: list[str] = []

mu = Mu("mail")
mu.inbound({"role": "mail"}, tcp.server(host=os.environ["SERVICE_HOST"], port=os.environ["SERVICE_PORT"]))


@mu.define({"role": "mail", "cmd": "confirm"})
def confirm(message: dict, ctx: Context) -> None:
    if ctx.id not in seen:
        seen.add(ctx.id)
        letters.append(f"order {message['number']}: {message['count']} x {message['item']}")
        print(letters[-1], flush=True)


@mu.define({"role": "mail", "cmd": "letters"})
def written(message: dict) -> list[str]:
    return letters


run(mu.serve())
