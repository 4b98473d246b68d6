"""Commands that ask a running system: ps, info, env, why, zone, pid."""

from argparse import ArgumentParser, Namespace

from fuge.faces import tables
from fuge.faces.arguments import UsageError, service, some_services
from fuge.faces.session import Session


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
