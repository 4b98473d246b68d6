"""`fuge ui`: serves the page until Ctrl-C. What serves it is loaded when it is used."""

import asyncio
import contextlib
import sys
import webbrowser
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncIterator

from fuge.errors import without_package
from fuge.faces.session import Session


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--port", dest="at", metavar="N", type=port, default=0, help="default: a free one")
    parser.add_argument("--open", action="store_true", help="have your browser open it; in a terminal only")


def port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise ArgumentTypeError(f"expected a port, 1 to 65535, found {text!r}")
    return int(text)


async def ui(session: Session, chosen: Namespace) -> None:
    async with serving(session, chosen.at) as address:
        session.show({"address": address}, f"{address}\nthis is for you alone; Ctrl-C ends it, and leaves the system")
        sys.stdout.flush()
        if chosen.open and sys.stdout.isatty():
            webbrowser.open(address)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def beside(session: Session, wanted: bool) -> AsyncIterator[None]:
    """The same for as long as something else goes on, if it is wanted."""
    if not wanted:
        yield
        return
    async with serving(session) as address:
        print(f"its page, for you alone: {address}", flush=True)
        yield


@contextlib.asynccontextmanager
async def serving(session: Session, number: int = 0) -> AsyncIterator[str]:
    """The page of a session's system, for as long as the block lasts; its address, with the token.

    `number` is the port, 0 a free one. Raises FugeError when it is taken, NotInstalledError without aiohttp.
    """
    try:
        from fuge.faces.ui.server import Server
    except ModuleNotFoundError as error:
        raise without_package(error) from None
    async with Server(session, number) as server:
        yield server.address
