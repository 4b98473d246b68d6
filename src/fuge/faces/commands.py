"""The commands that the shell and the command line share: what each takes, and what it does."""

from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fuge.engine.states import NOT_MANAGED
from fuge.faces import errands, records, tables
from fuge.faces.arguments import Parser, UsageError, count, nothing, service, services, some_services
from fuge.faces.session import Session, exit_code

Handler = Callable[[Session, Namespace], Awaitable[int | None]]


@dataclass(frozen=True)
class Command:
    """`completes` says what its words are: "services", "service" (one) or "" (nothing that could be completed)."""

    name: str
    about: str
    handler: Handler
    configure: Callable[[ArgumentParser], Any]
    completes: str = ""


# Start and stop -----------------------------------------------------------------------------------------------


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


# Ask ------------------------------------------------------------------------------------------------------------


def ps_options(parser: ArgumentParser) -> None:
    some_services(parser)
    parser.add_argument("-l", "--long", action="store_true", help="ports, process, uptime, restarts and reasons too")


async def ps(session: Session, options: Namespace) -> None:
    rows = await session.call("ps", words=options.services)
    session.show(rows, tables.ps(rows, options.long))


def info_options(parser: ArgumentParser) -> None:
    service(parser)
    parser.add_argument("full", nargs="?", choices=["full"], help="the inherited environment too")


async def info(session: Session, options: Namespace) -> None:
    data = await session.call("info", name=options.service)
    session.show(data, tables.info(data, bool(options.full)))


async def env(session: Session, options: Namespace) -> None:
    environment = await session.environment(options.service)
    session.show(environment, "\n".join(f"{name}={value}" for name, value in environment.items()))


async def why(session: Session, options: Namespace) -> None:
    data = await session.call("why", name=options.service)
    session.show(data, tables.why(data))


def zone_options(parser: ArgumentParser) -> None:
    parser.add_argument("--bind", nargs="?", const="", metavar="ZONE", help="as a zone file; default: of all services")
    parser.add_argument(
        *("--address", "-a"),
        metavar="PLACE",
        action="append",
        default=[],
        help="with --bind: where a service is in production, SERVICE=ADDRESS[:PORT]",
    )


async def zone(session: Session, options: Namespace) -> None:
    from fuge.faces import zones  # no other command needs it

    if options.bind is not None:
        print(zones.file(session.system, options.bind, options.address))
        return
    if options.address:
        raise UsageError("zone: --address is for a zone file, so that it needs --bind")
    known = await session.call("zone")
    session.show(known["records"], tables.zone(known["records"]) if known["enabled"] else zones.NOT_ENABLED)


async def pid(session: Session, _: Namespace) -> None:
    about = await session.call("about")
    session.show(about, str(about["pid"]))


# Errands in the services' folders -------------------------------------------------------------------------------


async def test(session: Session, options: Namespace) -> int:
    return await errands.test(session, await session.services(options.services))


async def pull(session: Session, options: Namespace) -> int:
    return await errands.pull(session, await session.services(options.services))


async def status(session: Session, options: Namespace) -> int:
    return await errands.status(session, await session.services(options.services))


def apply_options(parser: ArgumentParser) -> None:
    parser.add_argument("command", nargs=REMAINDER, metavar="COMMAND", help="a command of the system's shell")


async def apply(session: Session, options: Namespace) -> int:
    if not options.command:
        raise UsageError("apply: expected a command to run in the folder of each service")
    return await errands.apply(session, options.command)


COMMANDS = {
    command.name: command
    for command in (
        Command("ps", "show the services and their state", ps, ps_options, "services"),
        Command("start", "start services, and what they depend on", start, services, "services"),
        Command("stop", "stop services", stop, services, "services"),
        Command("restart", "stop and start services", restart, services, "services"),
        Command("scale", "run so many instances of a service", scale, scale_options, "service"),
        Command("debug", "restart a service under its debugger", debug, debug_options, "service"),
        Command("info", "show a service's command, folder and environment", info, info_options, "service"),
        Command("env", "show the environment that a service is given", env, service, "service"),
        Command("why", "explain the state of a service", why, service, "service"),
        Command("watch", "restart services when their files change", watch, services, "services"),
        Command("unwatch", "leave services alone when their files change", unwatch, services, "services"),
        Command("tail", "show the output of services as it comes", tail, services, "services"),
        Command("untail", "do not show the output of services", untail, services, "services"),
        Command("logs", "show what services have said", records.logs, records.logs_options, "services"),
        Command("grep", "search what services have said", records.grep, records.grep_options, "services"),
        Command("events", "show what has become of services", records.events, records.events_options, "services"),
        Command("zone", "show the names that DNS knows", zone, zone_options),
        Command("test", "run the tests of services", test, some_services, "services"),
        Command("pull", "git pull for processes, newest images for containers", pull, some_services, "services"),
        Command("status", "git status and branch of services", status, some_services, "services"),
        Command("apply", "run a shell command in the folder of each service", apply, apply_options),
        Command("reload", "apply what has changed in fuge.yml", reload, nothing),
        Command("pid", "show the process id of the running fuge", pid, nothing),
    )
}


def parser_of(command: Command, prog: str) -> Parser:
    parser = Parser(prog=f"{prog}{command.name}", description=command.about, add_help=False)
    command.configure(parser)
    parser.add_argument("--json", action="store_true", help="as data")
    return parser


async def perform(session: Session, command: Command, options: Namespace) -> int:
    """Run a command, and return its exit code."""
    session.json = bool(session.json or options.json)
    return await command.handler(session, options) or 0
