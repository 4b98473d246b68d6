"""The command line: fuge [-f FILE] COMMAND ..."""

import asyncio
import contextlib
import io
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from fuge.errors import FugeError, without_package
from fuge.faces import background, completion
from fuge.faces.arguments import Parser, UsageError
from fuge.faces.commands import COMMANDS, Command, perform
from fuge.faces.session import Session
from fuge.plan import location
from fuge.plan.faults import shown_path

EPILOG = "FILE is fuge.yml or fuge/fuge.yml, here or in a folder above. `fuge COMMAND --help` tells more of a command."


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # services say what the terminal's encoding may not have
    try:
        code = dispatch(words)
        sys.stdout.flush()
        return code
    except FugeError as error:
        print(f"fuge: {error}" if error.exit_code != 2 else error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"fuge: {where}{error.strerror or error}", file=sys.stderr)
        return 1


def dispatch(words: list[str]) -> int:
    if words[:1] == ["_complete"]:
        return complete(words[1:])
    if not words:
        parser().print_help()
        return 2
    options = parser().parse_args(words)
    handler: Callable[[Namespace], int] = options.handler
    try:
        return handler(options)
    except ModuleNotFoundError as error:
        raise without_package(error) from None


def parser() -> Parser:
    top = Parser(prog="fuge", description="Runs a system of services in development.", epilog=EPILOG)
    top.add_argument("-f", "--file", metavar="FILE", type=Path, help="the fuge.yml")
    top.add_argument(
        *("--port", "-p"),
        metavar="SERVICE[.PORT]=NUMBER",
        action="append",
        default=[],
        help="another port for this run; FUGE_PORTS in the environment does the same",
    )
    commands = top.add_subparsers(metavar="COMMAND", parser_class=Parser, required=True)

    def add(name: str, about: str, handler: Callable[[Namespace], int]) -> Parser:
        added: Parser = commands.add_parser(name, help=about, description=about)
        added.set_defaults(handler=handler)
        return added

    shell = add("shell", "start the shell, with the system in it", shell_command)
    shell.add_argument("path", nargs="?", type=Path, metavar="FILE", help="the fuge.yml")
    up = add("up", "start services and show what they say; Ctrl-C stops everything", up_command)
    up.add_argument("services", nargs="*", metavar="SERVICE", help="default: all")
    up.add_argument("-d", "--detach", action="store_true", help="in the background; `fuge down` ends it")
    up.add_argument(
        "--wait", action="store_true", help="in the background; return when all are ready, or say what is not"
    )
    up.add_argument("--timeout", type=float, metavar="SECONDS", help="with --wait: at most so long")
    run = add("run", "run a service that ends, such as a test, and give its exit code", run_command)
    run.add_argument("service", metavar="SERVICE")
    run.add_argument("--with-deps", action="store_true", help="start what it depends on first; stop it afterwards")
    for each in (shell, up, run):
        each.add_argument("--isolated", action="store_true", help="on free ports, so that copies can run side by side")
    for each in (shell, up):
        each.add_argument("--ui", action="store_true", help="with a page for your browser, as by `fuge ui`")
    down = add("down", "stop everything, and the fuge that runs it", in_session(background.down))
    checking = add("check", "check the fuge.yml", check)
    examining = add("doctor", "explain what this machine has for fuge", examine)
    for each in (down, checking, examining):
        each.add_argument("--json", action="store_true", help="as data")
    scripts = add("completion", "print a script for your shell's Tab key", completion_command)
    scripts.add_argument("shell", choices=list(completion.SCRIPTS))
    add("version", "print the version", version)
    for command in COMMANDS.values():
        added = add(command.name, command.about, in_session(performing(command)))
        command.configure(added)
        added.add_argument("--json", action="store_true", help="as data")
    return top


# From options to what they are about ------------------------------------------------------------------------------


def chosen_file(options: Namespace) -> Path:
    return Path(getattr(options, "path", None) or options.file or location.find(Path.cwd()))


def chosen_ports(options: Namespace) -> dict[str, int]:
    """From FUGE_PORTS and --port: "adder_service=9080 webapp.http=4000"."""
    words = os.environ.get("FUGE_PORTS", "").replace(",", " ").split() + options.port
    ports = {}
    for word in words:
        name, _, number = word.partition("=")
        if not (name and number.isdecimal() and 0 < int(number) < 65536):
            raise UsageError(f"expected SERVICE=PORT or SERVICE.NAME=PORT, found {word!r}")
        ports[name] = int(number)
    return ports


def in_file(action: Callable[[Path, dict[str, int], Namespace], Coroutine[Any, Any, int]], options: Namespace) -> int:
    return asyncio.run(action(chosen_file(options), chosen_ports(options), options))


def in_session(action: Callable[[Session, Namespace], Awaitable[int | None]]) -> Callable[[Namespace], int]:
    def run(options: Namespace) -> int:
        session = Session.at(chosen_file(options), chosen_ports(options), getattr(options, "json", False))
        return asyncio.run(interruptible(action(session, options))) or 0

    return run


async def interruptible(action: Awaitable[int | None]) -> int | None:
    """Ctrl-C and SIGTERM end a command that waits or follows; it has nothing to clean up."""
    task = asyncio.ensure_future(action)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return 130


def performing(command: Command) -> Callable[[Session, Namespace], Awaitable[int]]:
    return lambda session, options: perform(session, command, options)


# What these need takes as long to load as all the rest of a simple command, so that it is loaded when they are used.


def shell_command(options: Namespace) -> int:
    from fuge.faces import foreground

    return in_file(foreground.shell, options)


def run_command(options: Namespace) -> int:
    from fuge.faces import foreground

    return in_file(foreground.run, options)


def up_command(options: Namespace) -> int:
    from fuge.faces import foreground

    in_background = options.detach or options.wait
    if in_background and options.ui:
        raise UsageError("up: --ui is for the foreground; `fuge ui` has a page of what runs in the background")
    return in_file(background.up if in_background else foreground.up, options)


def examine(options: Namespace) -> int:
    from fuge.faces import doctor

    file: Path | None
    try:
        file = chosen_file(options)
    except FugeError:
        file = None
    return asyncio.run(doctor.doctor(file, chosen_ports(options), options))


def complete(words: list[str]) -> int:
    from fuge.plan import config

    file = None
    while words[:1] and words[0] in ("-f", "--file") and len(words) > 2:
        file, words = Path(words[1]), words[2:]
    system = None
    with contextlib.suppress(FugeError):
        system = config.load(file or location.find(Path.cwd()))
    print("\n".join(completion.completions(words, system, [*COMMANDS, *completion.ALONE])))
    return 0


# Commands without an engine ---------------------------------------------------------------------------------------


def check(options: Namespace) -> int:
    session = Session.at(chosen_file(options), chosen_ports(options), options.json)
    names = list(session.system.services)
    count = f"{len(names)} service{'' if len(names) == 1 else 's'}"
    session.show({"file": str(session.file), "services": names}, f"{shown_path(session.file)}: {count}, nothing wrong")
    return 0


def completion_command(options: Namespace) -> int:
    print(completion.SCRIPTS[options.shell], end="")
    return 0


def version(_: Namespace) -> int:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        print(version_of("microservices-workbook"))
    except PackageNotFoundError:
        print("unknown: not installed as a package")
    return 0
