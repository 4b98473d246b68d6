"""The reader's folder micro/, and the chapter that it is at: begin, port, url, stop_all."""

import os
from pathlib import Path

from workbook import course, micro, ports, terminal
from workbook.course import Chapter
from workbook.errors import WorkbookError

MICRO = Path(micro.NAME)
_begun: list[Chapter] = []


def begin(number: str) -> None:
    """Lay out the folder micro/ as chapter `number` finds it."""
    stop_all()
    os.environ.update(ports.environment(ports.chosen()))
    _begun[:] = [course.chapter(number)]
    print(micro.begin(_begun[0], MICRO))


def begun() -> Chapter:
    if not _begun:
        raise WorkbookError("run the cell with begin(...) first")
    return _begun[0]


def port(service: str) -> int:
    """The port of a service of this chapter: its usual one, unless the environment names another."""
    usual = begun().ports
    if service not in usual:
        raise WorkbookError(f"{begun()} has no service {service!r}; it has {', '.join(usual)}")
    return ports.configured(service, usual[service])


def url(service: str) -> str:
    """Where a service of this chapter is reached over HTTP."""
    return f"http://{ports.HOST}:{port(service)}"


def stop_all() -> None:
    """Stop every program that this notebook has started, fuge in the background among them."""
    for problem in terminal.close_terminals():
        print(problem)
    micro.stop(MICRO)
