"""How output is shown: in whose colour, and for whom without any."""

import io
import re

import pytest

from fuge.faces import console as consoles
from fuge.faces.console import Console
from fuge.services.logs import LogRecord

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consoles, "colours", lambda: True)


def shown(console_for: list[str], *items: object) -> list[str]:
    out = io.StringIO()
    console = Console(console_for, file=out)
    for item in items:
        console(item)  # type: ignore[arg-type]
    return out.getvalue().splitlines()


def record(service: str, text: str, stream: str = "out") -> LogRecord:
    return LogRecord(0, service, stream, 1, text)  # type: ignore[arg-type]


def event(service: str, name: str, text: str) -> dict[str, object]:
    return {"time": 0, "event": name, "service": service, "text": text}


def test_marks_tell_output_from_errors_and_events() -> None:
    lines = shown(["adder", "web"], record("adder", "a"), record("web", "b", "err"), event("web", "ready", "ready"))
    assert lines == ["adder | a", "web   ! b", "web   > ready"]


@pytest.mark.usefixtures("coloured")
def test_a_service_keeps_its_colour() -> None:
    first = shown(["adder", "web"], record("adder", "a"), record("web", "b"), record("adder", "c"))
    again = shown(["adder", "web"], record("web", "b"))
    colour = [ESCAPE.findall(line)[0] for line in first]
    assert colour[0] == colour[2] != colour[1]
    assert ESCAPE.findall(again[0])[0] == colour[1]


@pytest.mark.usefixtures("coloured")
def test_a_reload_moves_no_colour() -> None:
    out = io.StringIO()
    console = Console(["adder", "web"], file=out)
    console(record("web", "a"))
    console.follow_names(["new", "web"])
    console(record("web", "b"))
    before, after = out.getvalue().splitlines()
    assert ESCAPE.findall(before)[0] == ESCAPE.findall(after)[0]


@pytest.mark.usefixtures("coloured")
def test_colours_of_a_service_end_with_its_line() -> None:
    (line,) = shown(["web"], record("web", "\x1b[31mred"))
    assert line.endswith("\x1b[0m")


def test_nothing_that_a_service_says_moves_the_cursor() -> None:
    (line,) = shown(["web"], record("web", "\x1b[2J\x1b[Hgone \x1b[31mred\x1b[0m \x07"))
    assert "\x1b" not in line
    assert "gone red" in line
