"""Commands that change what runs: start, stop, restart, scale, watch, tail, reload, debug."""

from argparse import ArgumentParser, Namespace
from typing import Any

from fuge.engine.states import NOT_MANAGED
from fuge.faces import tables
from fuge.faces.arguments import count, service
from fuge.faces.session import Session, exit_code


async def start(session: Session, options: Namespace) -> int:
    return report(session, await session.call("start", words=options.services))


async def stop(session: Session, options: Namespace) -> int:
    results = await session.call("stop", words=options.services)
    if not results and not session.json:
        print(f"not running: {', '.join(await session.names(options.services))}")
        return 0
    return report(session, results)


async def restart(session: Session, options: Namespace) -> int:
    return report(session, await session.call("restart", words=options.services))


def scale_options(parser: ArgumentParser) -> None:
    parser.add_argument("service", nargs="?", metavar="SERVICE", help="default: show the counts of all")
    parser.add_argument("count", nargs="?", metavar="N", type=count, help="how many instances; default: show the count")


async def scale(session: Session, options: Namespace) -> int:
    if options.count is not None:
        return report(session, await session.call("scale", name=options.service, count=options.count))
    counts = await session.call("counts", words=[options.service] if options.service else [])
    session.show(counts, tables.counts(counts))
    return 0


def report(session: Session, results: list[dict[str, Any]]) -> int:
    shown = [each for each in results if not (session.live and each["ok"] and each["status"] != NOT_MANAGED)]
    texts = [tables.outcome(each) for each in shown]
    if session.live:  # an event has said the rest
        texts = [text.partition("\n")[0] for text in texts]
    session.show(results, "\n".join(texts))
    return exit_code(results)


async def watch(session: Session, options: Namespace) -> None:
    await switch(session, options, "watch", "watch", on=True)


async def unwatch(session: Session, options: Namespace) -> None:
    await switch(session, options, "watch", "unwatch", on=False)


async def tail(session: Session, options: Namespace) -> None:
    await switch(session, options, "tail", "tail", on=True)


async def untail(session: Session, options: Namespace) -> None:
    await switch(session, options, "tail", "untail", on=False)


async def switch(session: Session, options: Namespace, operation: str, word: str, on: bool) -> None:
    names = await session.call(operation, words=options.services, on=on)
    session.show(names, "\n".join(f"{name}: {word}" for name in names))


async def reload(session: Session, _: Namespace) -> None:
    done = await session.call("reload")
    session.show(done, tables.reloaded(done))


def debug_options(parser: ArgumentParser) -> None:
    service(parser)
    parser.add_argument("--brk", action="store_true", help="wait for the debugger before the first line")


async def debug(session: Session, options: Namespace) -> None:
    where = await session.call("debug", name=options.service, wait_for_client=options.brk)
    waits = "waits for a debugger" if options.brk else "a debugger can attach"
    text = f"{where['service']}: {waits} at {where['host']}:{where['port']} (launch configuration: {where['launch']})"
    session.show(where, text)
