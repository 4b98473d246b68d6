"""For all tests: `--step NN`, rooms for workers, the count at the end, and that nothing is left running."""

import asyncio
import inspect
import os
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import MARK, left_running, wait_until

from fuge import ports
from workbook import course, snapshots
from workbook.course import Chapter

PORTS_OF_A_WORKER = 1000  # so that none takes a port that another has found free a moment ago
LONG = ("notebooks", "steps", "contracts", "project", "containers")  # folders; the last to be begun are short ones
NOTEBOOK = "notebook"  # the property of a test that has run one: its name, and how many cells


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--step", metavar="NN", help="only the tests that belong to this chapter")


def pytest_configure(config: pytest.Config) -> None:
    os.environ[MARK] = uuid.uuid4().hex
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):  # gw0, gw1, ...
        first = ports.USUAL[0] + PORTS_OF_A_WORKER * (int(worker[2:]) % (len(ports.USUAL) // PORTS_OF_A_WORKER))
        os.environ[ports.SETTING] = f"{first}-{first + PORTS_OF_A_WORKER - 1}"
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell does it to what is started with `&`
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(room(item)))
    items.sort(key=lambda item: min(LONG.index(each) if each in LONG else len(LONG) for each in item.path.parts))
    wanted = config.getoption("--step")
    if wanted is None:
        return
    number = course.chapter(wanted).number
    belongs = [item for item in items if any(mark.args == (number,) for mark in item.iter_markers("step"))]
    config.hook.pytest_deselected(items=[item for item in items if item not in belongs])
    items[:] = belongs


def room(item: pytest.Item) -> str:
    """Tests of one room are run by one worker, one after the other: those of a file that share a running system, and
    those of several files that name the same ROOM, since they would wait for each other."""
    if named := getattr(getattr(item, "module", None), "ROOM", ""):
        return str(named)
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    system = [parameters[name] for name in ("chapter", "recipe", "engine") if name in parameters]
    return " ".join([item.path.name, *(getattr(each, "slug", each) for each in system)])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    ran = dict(value for report in reports for name, value in report.user_properties if name == NOTEBOOK)
    terminalreporter.write_line(
        f"Ran {len(reports)} tests; notebooks among them: {len(ran)}, with {sum(ran.values())} code cells compared."
    )
    skipped = Counter(str(report.longrepr[2]) for report in terminalreporter.getreports("skipped"))
    for reason, count in skipped.items():  # one line for each reason, not for each place
        terminalreporter.write_line(f"{count} skipped: {reason.removeprefix('Skipped: ')}")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """An async test runs in an event loop of its own, and may leave no task behind in it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(leaving_nothing(pyfuncitem.obj(**arguments)))
    return True


async def leaving_nothing(test: Coroutine[Any, Any, None]) -> None:
    await test
    await asyncio.sleep(0)  # for those that are just ending
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"left behind: {left}"


@pytest.fixture
def notebook_ran(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """Called with a notebook's name and its number of cells, so that the summary can count it."""
    return lambda name, cells: record_property(NOTEBOOK, (name, cells))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    assert wait_until(lambda: not left_running()), f"left running: {left_running()}"


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Chapter], Path]:
    """A copy of a step that a test may change."""

    def copy(chapter: Chapter) -> Path:
        snapshots.write(snapshots.read(chapter.step), tmp_path / chapter.slug)
        return tmp_path / chapter.slug

    return copy
