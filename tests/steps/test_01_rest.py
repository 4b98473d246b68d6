"""Recipe 01: the adder by itself."""

import runpy
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from workbook import course, ports
from workbook.errors import WorkbookError
from workbook.system import System
from workbook.terminal import Terminal

pytestmark = pytest.mark.step("01")
RECIPE = course.recipe("01")
ADDER = RECIPE.step / "adder_service"


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System(RECIPE.step, RECIPE) as running:
        yield running


@pytest.fixture(scope="module")
def add() -> Callable[[str, str], int]:
    return runpy.run_path(str(ADDER / "service.py"))["add"]


def test_add_is_plain_logic(add: Callable[[str, str], int]) -> None:
    assert add("40", "2") == 42
    assert add("9" * 100, "+1") == 10**100


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found ''"),
        ("12abc", "found '12abc'"),
        ("1\n", "found '1\\n'"),
        ("1" * 101, "found '111111111111111111111111111111'... (101 characters)"),
    ],
)
def test_add_says_what_it_expected_and_found(add: Callable[[str, str], int], text: str, found: str) -> None:
    with pytest.raises(ValueError, match=r"^first: expected an integer of at most 100 digits, found") as caught:
        add(text, "1")
    assert str(caught.value).endswith(found)
    with pytest.raises(ValueError, match=r"^second: "):
        add("1", text)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/add/1/2", 200, "3"),
        ("/add/1/-1", 200, "0"),
        ("/add/+1/2", 200, "3"),
        ("/add/" + "9" * 100 + "/1", 200, "1" + "0" * 100),
        ("/add/1/x", 400, "second: expected an integer of at most 100 digits, found 'x'"),
        ("/add//2", 400, "first: expected an integer of at most 100 digits, found ''"),
        ("/add/1/", 400, "second: expected an integer of at most 100 digits, found ''"),
        ("/add/1%2F2/3", 400, "first: expected an integer of at most 100 digits, found '1/2'"),
        ("/add/%31/2", 200, "3"),
        ("/add/%D9%A1/2", 400, "first: expected an integer of at most 100 digits, found '\u0661'"),
        ("/add/%ff/2", 400, "first: expected an integer of at most 100 digits, found '%ff'"),
        ("/add/%3Cscript%3E/2", 400, "first: expected an integer of at most 100 digits, found '<script>'"),
        ("/add/1/2/3", 404, "404: Not Found"),
        ("/", 404, "404: Not Found"),
    ],
)
def test_answers_over_http(system: System, path: str, status: int, text: str) -> None:
    answer = system.get("adder_service", path)
    assert (answer.status, answer.text) == (status, text)
    assert answer.headers.get_content_type() == "text/plain"


@pytest.mark.parametrize("digits", [101, 10_000, 60_000])
def test_number_that_is_too_long_is_named(system: System, digits: int) -> None:
    answer = system.get("adder_service", f"/add/{'1' * digits}/{'2' * digits}")
    assert answer.status == 400
    assert answer.text.startswith("first: expected an integer of at most 100 digits")
    assert answer.text.endswith(f"({digits} characters)")


def test_request_line_beyond_all_bounds_is_refused_and_others_are_answered(system: System) -> None:
    answer = system.get("adder_service", "/add/" + "1" * 300_000 + "/1")
    assert answer.status == 400
    assert "Traceback" not in answer.text
    assert system.get("adder_service", "/add/1/2").text == "3"


def test_only_this_machine_reaches_it(system: System) -> None:
    listening = [c.laddr.ip for c in system.process("adder_service").net_connections("tcp") if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("program", "folder"), [("run.py", RECIPE.step), ("service.py", ADDER)])
def test_stops_on_signal(program: str, folder: object, number: int) -> None:
    free = ports.free_ports(["adder_service"])
    terminal = Terminal(f"python {program}", str(folder), ports.environment(free))
    said = terminal.wait_for("listening")
    assert said == f"listening at http://127.0.0.1:{free['adder_service']}\n"
    terminal.process.send_signal(number)
    assert terminal.wait() == 0
    assert terminal.new_output() == ""


def test_port_that_is_taken_is_one_clear_line() -> None:
    free = ports.free_ports(["adder_service"])
    port = free["adder_service"]
    with socket.create_server(("127.0.0.1", port)):
        terminal = Terminal("python run.py", RECIPE.step, ports.environment(free))
        assert terminal.wait() == 1
    (line,) = terminal.new_output().splitlines()
    advice = "set ADDER_SERVICE_SERVICE_PORT to a free one"
    assert line == f"cannot listen on port {port} (Address already in use): {advice}"


@pytest.mark.parametrize("port", ["abc", "", "99999", "-1"])
def test_port_that_is_none_is_one_clear_line(port: str) -> None:
    terminal = Terminal("python run.py", RECIPE.step, {"ADDER_SERVICE_SERVICE_PORT": port})
    assert terminal.wait() == 1
    (line,) = terminal.new_output().splitlines()
    assert line.startswith(f"cannot listen on port {port} (")


def test_system_that_does_not_start_is_explained() -> None:
    with pytest.raises(WorkbookError, match=r"there is no run\.py in adder_service/"), System(ADDER, RECIPE):
        pass
