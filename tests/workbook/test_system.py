"""A system that does not start is explained, to those who try an exercise."""

import socket
from pathlib import Path

import pytest

from workbook import course
from workbook.errors import WorkbookError
from workbook.system import System
from workbook.terminal import open_terminals

FIRST = course.recipe("01")


def refused(folder: Path, run: str | None) -> str:
    if run is not None:
        (folder / "run.py").write_text(run)
    with pytest.raises(WorkbookError) as caught, System(folder, FIRST):
        pass
    assert not open_terminals
    return str(caught.value)


def test_system_without_its_start_is_explained(tmp_path: Path) -> None:
    assert refused(tmp_path, None) == f"there is no run.py in {tmp_path.name}/: it starts the system"


@pytest.mark.parametrize(("run", "said"), [("print('oops')", "oops"), ("", "nothing")])
def test_system_that_ends_at_once_is_shown_with_its_last_words(tmp_path: Path, run: str, said: str) -> None:
    assert refused(tmp_path, run) == f"adder_service did not start to listen. The system said: {said}"


def test_other_program_on_the_port_is_not_taken_for_the_service(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("import time\ntime.sleep(600)\n")
    system = System(tmp_path, FIRST)
    port = system.ports["adder_service"]
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(WorkbookError, match=f"another program than adder_service listens on port {port}"),
        system,
    ):
        pass
    assert not open_terminals
