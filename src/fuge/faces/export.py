"""`fuge export` and `fuge build`: the same system for other engines, and the images that these need."""

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path

from fuge.faces.arguments import UsageError, some_services
from fuge.faces.session import Session
from fuge.plan.faults import shown_path

KINDS = ("compose", "swarm", "kubernetes")


def export_options(parser: ArgumentParser) -> None:
    parser.description = (
        "Compose, Docker Swarm or Kubernetes then run the system without fuge, with images by `fuge build`. "
        "What they cannot do of the fuge.yml is told, and why."
    )
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help="compose, swarm or kubernetes")
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, help="write files there, those of secrets too")
    parser.add_argument("--force", action="store_true", help="with -o: also over files that are not by fuge")
    image_options(parser)


def build_options(parser: ArgumentParser) -> None:
    some_services(parser)
    parser.add_argument("--base", metavar="IMAGE", help="image with a Python to begin with; default: python:3.N-slim")
    parser.add_argument(
        "--requirements", metavar="FILE", type=Path, help="what to install; default: the nearest requirements.txt"
    )
    wheel = parser.add_argument("--wheel", metavar="FILE", type=Path, action="append", default=[])
    wheel.help = "install this one too; may be repeated"
    parser.add_argument("--files", action="store_true", help="write the Dockerfiles, and build nothing")
    image_options(parser)


def image_options(parser: ArgumentParser) -> None:
    parser.add_argument("--registry", metavar="NAME", type=registry, help="in front of images' names")
    parser.add_argument("--tag", metavar="TAG", type=tag, default="latest", help="of images; default: latest")


def matching(pattern: str, expected: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ArgumentTypeError(f"expected {expected}, found {text!r}")
        return text

    return check


registry = matching(
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", "such as registry.example.com/team"
)
tag = matching(r"\w[\w.-]{0,127}", "such as 1.4")


# What takes its time to load is loaded when it is used.


async def export(session: Session, options: Namespace) -> None:
    """Print or write a system for another engine, and tell what that cannot do."""
    from fuge.export import engines, output
    from fuge.export.naming import Images
    from fuge.plan import config

    document, system = config.read(session.file, os.environ, session.ports)
    made, notes = engines.export(document, system, options.kind, Images(options.registry or "", options.tag))
    for note in notes:
        print(note.text(system.file), file=sys.stderr)
    told = [{"line": at.line, "column": at.column, "key": key, "reason": reason} for at, key, reason in notes]
    if options.output:
        paths = output.write(made, options.kind, options.output, options.force)
        lines = [f"wrote {shown_path(path.absolute())}" for path in paths]
        session.show({"files": [str(path) for path in paths], "notes": told}, "\n".join(lines))
        return
    if made.private:
        print(f"{', '.join(made.private)}: secrets, which are written by -o alone", file=sys.stderr)
    session.show({"text": made.text, "notes": told}, made.text.rstrip("\n"))


async def build(session: Session, options: Namespace) -> int:
    """Make the images of Python services. Returns 1 if one failed."""
    for path in [options.requirements, *options.wheel]:
        if path and not path.is_file():
            raise UsageError(f"build: expected a file at {str(path)!r}, found none")
    from fuge.faces.building import Builder
    from fuge.plan import config

    document, system = config.read(session.file, os.environ, session.ports)
    return await Builder(document, system, options).build()
