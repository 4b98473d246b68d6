"""`fuge fault`: puts faults on the way to services, shows which there are, and takes them away."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from fuge.errors import NotRunningError
from fuge.faces import tables
from fuge.faces.arguments import UsageError, seconds, services, share
from fuge.faces.session import Session, exit_code

CLEAR = "clear"  # as the first word
NONE = "no service has a fault; `fuge fault SERVICE --latency 800ms` puts one on the way to it"
KINDS = ("latency", "drop", "down", "pause")


def fault_options(parser: ArgumentParser) -> None:
    services(parser, optional=True)
    parser.description = (
        "Callers get to a service by a proxy then, and those are restarted that were told of its address. "
        "Without options and services it shows what is set; `fuge fault clear [SERVICE ...]` takes faults away."
    )
    parser.add_argument("--latency", metavar="TIME", type=seconds, help="what callers say arrives 800ms, 1.5s later")
    parser.add_argument(
        "--drop", metavar="SHARE", type=share, help="30%% of what callers say breaks the connection, in place of it"
    )
    parser.add_argument("--down", action="store_true", help="connections to it are refused")
    parser.add_argument("--pause", action="store_true", help="connections stay, and nothing moves on them")


async def fault(session: Session, options: Namespace) -> int:
    chosen = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind)}
    words = list(options.services)
    clear = words[:1] == [CLEAR]
    if clear and chosen:
        raise UsageError("fault: expected no options with `clear`, which takes faults away")
    if chosen and not words:
        raise UsageError("fault: expected a service too, such as `fuge fault adder_service --latency 800ms`")
    if words and not clear and not chosen:
        raise UsageError("fault: expected one of --latency TIME, --drop SHARE, --down, --pause; or `fuge fault clear`")
    if clear:
        restarted = await session.call("clear_faults", words=words[1:])
    elif chosen:
        restarted = await session.call("set_fault", words=words, fault=chosen)
    else:
        restarted = []
    faults = await found(session)
    told = [*brief(faults), *after(restarted)] if words else [table(faults)]
    session.show({"faults": faults, "restarted": restarted}, "\n".join(told))
    return exit_code(restarted)


async def found(session: Session) -> list[dict[str, Any]]:
    """Without an engine there is none."""
    try:
        faults: list[dict[str, Any]] = await session.call("faults")
    except NotRunningError:
        return []
    return faults


def brief(faults: Sequence[dict[str, Any]]) -> list[str]:
    return [f"{each['service']}: {each['fault']}" for each in faults] or ["no service has a fault"]


def table(faults: Sequence[dict[str, Any]]) -> str:
    if not faults:
        return NONE
    ways = [" ".join(f"{name}={number}" for name, number in each["ports"].items()) for each in faults]
    rows = [[each["service"], each["fault"], way] for each, way in zip(faults, ways, strict=True)]
    return tables.table(["service", "fault", "by port"], rows, ["yellow"] * len(rows))


def after(restarted: Sequence[dict[str, Any]]) -> list[str]:
    names = [each["service"] for each in restarted if each["ok"]]
    said = [f"restarted, to go another way: {', '.join(names)}"] if names else []
    return said + [tables.outcome(each) for each in restarted if not each["ok"]]
