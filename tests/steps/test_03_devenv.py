"""Recipe 03: the same two services, run by fuge."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import MEASURED, left_running, wait_until

from workbook import course, ports
from workbook.browser import NoAnswer
from workbook.course import Recipe
from workbook.system import System
from workbook.terminal import Terminal

pytestmark = pytest.mark.step("03")
RECIPE = course.recipe("03")


@pytest.fixture
def system() -> Iterator[System]:
    """A system of the test's own, whose files it may change."""
    with System(RECIPE.step, RECIPE) as running:
        running.terminal.wait_for("              > all are ready")
        yield running


def save(system: System, old: str, new: str) -> None:
    file = system.folder / "adder_service" / "service.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_launcher_shows_where_each_service_listens(copy_of: Callable[[Recipe], Path]) -> None:
    free = ports.free_ports(RECIPE.ports)
    terminal = Terminal("python run.py", copy_of(RECIPE), ports.environment(free))
    said = terminal.wait_for("              > all are ready")
    adder, webapp = f"127.0.0.1:{free['adder_service']}", f"http://127.0.0.1:{free['webapp']}"
    for line in (
        "adder_service > starting",
        f"adder_service | listening at http://{adder}",
        f"adder_service > ready at {adder}",
        f"webapp        | listening at {webapp}",
        f"webapp        > ready at {webapp}",
        "              > all are ready; Ctrl-C stops everything",
    ):
        assert line in said.splitlines() + terminal.new_output().splitlines(), said
    assert terminal.press_ctrl_c() == 0
    stops = [line for line in terminal.new_output().splitlines() if line.endswith("> stopped")]
    assert stops == ["webapp        > stopped", "adder_service > stopped"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("milliseconds", [0, 30, 100, 300, 500, 700, 1000])
def test_launcher_leaves_nothing_whenever_it_ends(
    copy_of: Callable[[Recipe], Path], number: int, milliseconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes in the middle of the start: any moment will do, so its precision does not matter."""
    monkeypatch.delenv(MEASURED, raising=False)  # while Python loads coverage, a Ctrl-C is lost
    terminal = Terminal("python run.py", copy_of(RECIPE), ports.environment(ports.free_ports(RECIPE.ports)))
    time.sleep(milliseconds / 1000)
    terminal.process.send_signal(number)
    terminal.wait()
    assert wait_until(lambda: not left_running()), left_running()


def test_a_saved_change_runs_by_itself_and_in_no_other_service(system: System) -> None:
    webapp = system.process("webapp")
    before = system.post("webapp", "/add/calculate", first="1", second="2")
    save(system, "text=str(result)", "text=str(result + 1000)")

    def new_code_answers() -> bool:
        try:
            return system.get("adder_service", "/add/1/2").text == "1003"
        except NoAnswer:
            return False

    assert wait_until(new_code_answers)
    assert "1003" in system.post("webapp", "/add/calculate", first="1", second="2").text
    assert "1003" not in before.text
    assert system.process("webapp") == webapp


def test_what_the_adder_computes_is_in_its_log(system: System) -> None:
    system.get("adder_service", "/add/19/23")
    log = system.folder / "fuge" / ".fuge" / "log" / "adder_service.log"
    assert wait_until(lambda: " the sum is 42\n" in log.read_text(encoding="utf-8"))


def test_services_are_started_warm_and_look_like_any_other(system: System) -> None:
    adder = system.process("adder_service")
    assert adder.cmdline()[-1].endswith("service.py")
    assert Path(adder.cwd()) == (system.folder / "adder_service").resolve()
    parent = adder.parent()
    assert parent
    assert any("keeper.py" in word for word in parent.cmdline())


def test_a_second_system_of_the_same_folder_is_refused(system: System) -> None:
    second = Terminal("python run.py", system.folder, ports.environment(ports.free_ports(RECIPE.ports)))
    assert second.wait() == 1
    assert "is running already, by pid" in second.new_output()
    assert system.post("webapp", "/add/calculate", first="1", second="2").status == 200


def test_another_copy_runs_beside_it(system: System) -> None:
    with System(RECIPE.step, RECIPE) as second:
        assert second.post("webapp", "/add/calculate", first="1", second="2").status == 200
        assert system.post("webapp", "/add/calculate", first="1", second="2").status == 200
