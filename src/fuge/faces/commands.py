"""The commands that the shell and the command line share: what each takes, and what it does."""

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fuge.faces import errands, export, fault, metrics, queries, records, traces, verbs
from fuge.faces.arguments import Parser, nothing, service, services, some_services
from fuge.faces.session import Session
from fuge.faces.ui import command as ui

Handler = Callable[[Session, Namespace], Awaitable[int | None]]


@dataclass(frozen=True)
class Command:
    """`completes` says what its words are: "services", "service" (one) or "" (nothing that could be completed)."""

    name: str
    about: str
    handler: Handler
    configure: Callable[[ArgumentParser], Any]
    completes: str = ""


COMMANDS = {
    command.name: command
    for command in (
        Command("ps", "show the services and their state", queries.ps, queries.ps_options, "services"),
        Command("start", "start services, and what they depend on", verbs.start, services, "services"),
        Command("stop", "stop services", verbs.stop, services, "services"),
        Command("restart", "stop and start services", verbs.restart, services, "services"),
        Command("scale", "run so many instances of a service", verbs.scale, verbs.scale_options, "service"),
        Command("debug", "restart a service under its debugger", verbs.debug, verbs.debug_options, "service"),
        Command(
            "info",
            "show a service's command, folder and environment",
            queries.info,
            queries.info_options,
            "service",
        ),
        Command("env", "show the environment that a service is given", queries.env, service, "service"),
        Command("why", "explain the state of a service", queries.why, service, "service"),
        Command(
            "fault", "make the way to services slow, lossy or closed", fault.fault, fault.fault_options, "services"
        ),
        Command("watch", "restart services when their files change", verbs.watch, services, "services"),
        Command("unwatch", "leave services alone when their files change", verbs.unwatch, services, "services"),
        Command("tail", "show the output of services as it comes", verbs.tail, services, "services"),
        Command("untail", "do not show the output of services", verbs.untail, services, "services"),
        Command("logs", "show what services have said", records.logs, records.logs_options, "services"),
        Command("grep", "search what services have said", records.grep, records.grep_options, "services"),
        Command("events", "show what has become of services", records.events, records.events_options, "services"),
        Command("traces", "show the traces that services have sent", traces.traces, traces.traces_options),
        Command(
            "metrics",
            "show how services do, by what they have measured",
            metrics.metrics,
            metrics.metrics_options,
            "service",
        ),
        Command("zone", "show the names that DNS knows", queries.zone, queries.zone_options),
        Command("ui", "serve a page of the running system, live, for your browser", ui.ui, ui.options),
        Command("test", "run the tests of services", errands.test, some_services, "services"),
        Command(
            "pull", "git pull for processes, newest images for containers", errands.pull, some_services, "services"
        ),
        Command("status", "git status and branch of services", errands.status, some_services, "services"),
        Command("apply", "run a shell command in the folder of each service", errands.apply, errands.apply_options),
        Command("export", "write the system for Compose, Swarm or Kubernetes", export.export, export.export_options),
        Command("build", "make the images of Python services", export.build, export.build_options, "services"),
        Command("reload", "apply what has changed in fuge.yml", verbs.reload, nothing),
        Command("pid", "show the process id of the running fuge", queries.pid, nothing),
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
