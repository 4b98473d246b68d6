"""The service of node/srv.js in Python, and a caller of either."""

import asyncio
from typing import Any

from mu import Context, Mu, Server, ServiceError, tcp

FALSY: dict[str, Any] = {"zero": 0, "null": None, "empty": "", "false": False, "nothing": None, "nan": float("nan")}
OTHERS: dict[str, Any] = {"list": [], "object": {}, "text": "0", "one": 1}


def add(args: dict[str, Any]) -> int:
    return int(args["first"]) + int(args["second"])


def echo(args: dict[str, Any]) -> Any:
    return args["value"]


async def slow(args: dict[str, Any]) -> int:
    await asyncio.sleep(args["ms"] / 1000)
    return int(args["ms"])


def fail(_: dict[str, Any]) -> None:
    raise ServiceError("bang", extra={"code": "EBANG", "extra": {"why": ["a", 1]}})


def httperr(_: dict[str, Any]) -> None:
    raise ServiceError("nope", status=404, data={"why": "gone"})


def falsy(args: dict[str, Any]) -> Any:
    return {**FALSY, **OTHERS}[args["what"]]


async def none(_: dict[str, Any]) -> None:
    await asyncio.Event().wait()


def packet(_: dict[str, Any], ctx: Context) -> dict[str, Any]:
    return ctx.packet


def service(server: Server, **options: Any) -> Mu:
    mu = Mu("service", **options)
    for handler in (add, echo, slow, fail, httperr, falsy, none, packet):
        mu.define({"role": "basic", "cmd": handler.__name__}, handler)
    mu.inbound({"role": "basic"}, server)
    return mu


def caller(port: int, *, timeout: float = 10, **options: Any) -> Mu:
    """`options` are those of `tcp.client`."""
    mu = Mu("caller", timeout=timeout)
    mu.outbound({"role": "basic"}, tcp.client(port=port, **options))
    return mu


def basic(cmd: str, **data: Any) -> dict[str, Any]:
    return {"role": "basic", "cmd": cmd, **data}
