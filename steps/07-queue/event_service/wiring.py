"""The event service's wiring: which messages it handles, and from which queues they come."""

import service
from mu import Context, Mu, ServiceError, dns, redis

mu = Mu("event_service")
mu.inbound({"role": "events"}, dns(redis, name="redis", port_name="_main", list="events"))
mu.inbound({"role": "report"}, dns(redis, name="redis", port_name="_main", list="report"))


@mu.define({"role": "events", "cmd": "record"})
async def record(message: dict, ctx: Context) -> None:
    """A message leaves the queue when this has returned. One that comes again has the same id, and adds nothing."""
    try:
        await service.record(ctx.id, message.get("type"), message.get("url"), message.get("ts"))
    except ValueError as error:
        raise ServiceError(str(error), status=400) from None  # to the dead messages
    except service.Unavailable as error:
        raise ServiceError(str(error), status=503) from None  # again, later


@mu.define({"role": "report", "cmd": "summary"})
async def summary(message: dict) -> dict:
    try:
        return {"pages": await service.summary()}
    except service.Unavailable as error:
        raise ServiceError(str(error), status=503) from None
