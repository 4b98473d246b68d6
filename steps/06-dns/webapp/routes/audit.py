"""The /audit page: the latest calculations, as the audit service has kept them."""

import logging
from datetime import UTC, datetime
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from mu import DeadlineExceeded, MuError, ServiceError
from wiring import mu

DEADLINE = 2  # seconds that the audit service has for its answer

log = logging.getLogger("webapp")
routes = web.RouteTableDef()


class NoAudit(Exception):
    """Why there is nothing to show, in words for the user."""


async def latest() -> list[dict[str, Any]]:
    """The latest calculations, newest first. Raises NoAudit."""
    try:
        answer = await mu.dispatch({"role": "audit", "cmd": "list"}, timeout=DEADLINE)
        return [{**entry, "at": datetime.fromtimestamp(entry["ts"] / 1000, UTC)} for entry in answer["list"]]
    except DeadlineExceeded:
        raise NoAudit(f"The audit service did not answer within {DEADLINE} seconds.") from None
    except ServiceError as error:
        log.warning("%r", error)
        reason = "cannot reach its database" if error.status == 503 else "failed"
        raise NoAudit(f"The audit service {reason}.") from None
    except MuError as error:
        log.warning("%r", error)
        raise NoAudit("The audit service cannot be reached.") from None
    except (KeyError, OverflowError, TypeError, ValueError):
        raise NoAudit("The audit service gave an answer that is not a list of entries.") from None


@routes.get("/audit")
async def audit(request: web.Request) -> web.Response:
    try:
        shown, status = {"entries": await latest()}, 200
    except NoAudit as error:
        shown, status = {"error": error}, 503
    return aiohttp_jinja2.render_template("audit.html", request, shown, status=status)
