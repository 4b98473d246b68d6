"""The audit's wiring: which messages it answers, and how they get here."""

import os

import service
from mu import Context, Mu, ServiceError, tcp

HOST = os.environ.get("SERVICE_HOST", "localhost")
PORT = os.environ.get("SERVICE_PORT", "0")  # 0 is any free one, for whoever starts it by itself

mu = Mu("audit_service")
mu.inbound({"role": "audit", "cmd": "*"}, tcp.server(host=HOST, port=PORT))


@mu.define({"role": "audit", "cmd": "append"})
async def append(message: dict, ctx: Context) -> dict:
    """The answer comes when the entry is on disk. A message that comes again has the same id, and adds nothing."""
    try:
        await service.append(ctx.id, message.get("calc"), message.get("calcResult"), message.get("ts"))
    except ValueError as error:
        raise ServiceError(str(error), status=400) from None
    except service.Unavailable as error:
        raise ServiceError(str(error), status=503) from None
    return {"id": ctx.id}


@mu.define({"role": "audit", "cmd": "list"})
async def latest(message: dict) -> dict:
    try:
        return {"list": await service.latest()}
    except service.Unavailable as error:
        raise ServiceError(str(error), status=503) from None
