"""`make run` as somebody types it: in a terminal, ended by Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from helpers import each_recipe, left_running, wait_until

from workbook import course, ports
from workbook.browser import request
from workbook.course import ROOT, Recipe

OWN = ("dns", "traces")  # ports of fuge itself
ROOM = "installations"  # of which one at a time can be under way


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """What a terminal below need not wait for."""
    subprocess.run([sys.executable, ROOT / "requirements" / "install.py", "run"], check=True)


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a system of the same step that somebody runs on this machine."""
    monkeypatch.setenv("FUGE_DATA", str(tmp_path))


def make_run(*words: str, free: dict[str, int]) -> pexpect.spawn:
    arguments = [f"PYTHON={sys.executable}", "run", *words]
    environment = os.environ | ports.environment(free)
    return pexpect.spawn("make", arguments, cwd=str(ROOT), env=environment, encoding="utf-8", timeout=30)


@each_recipe()
def test_make_run_shows_its_addresses_and_ctrl_c_ends_it(recipe: Recipe) -> None:
    free = ports.free_ports(recipe.ports)
    terminal = make_run(f"STEP={recipe.number}", free=free)
    addresses = [f"127.0.0.1:{port}" for name, port in free.items() if name not in OWN]
    while addresses:  # in whatever order they get ready
        del addresses[terminal.expect_exact(addresses)]
    if "webapp" in free:
        page = f"http://127.0.0.1:{free['webapp']}/add/calculate"
        assert ">3</output>" in request("POST", page, fields={"first": "1", "second": "2"}).text
    else:
        assert request("GET", f"http://127.0.0.1:{free['adder_service']}/add/1/2").text == "3"
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "Traceback" not in terminal.before
    assert wait_until(lambda: not left_running()), left_running()
    assert not any(ports.answers(port) for port in free.values())


def test_make_run_starts_the_newest_step() -> None:
    newest = course.newest()
    free = ports.free_ports(newest.ports)
    terminal = make_run(free=free)
    terminal.expect_exact(f"http://127.0.0.1:{free['webapp']}")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()


@pytest.mark.parametrize("step", ["99", "x"])
def test_unknown_step_is_explained(step: str) -> None:
    terminal = make_run(f"STEP={step}", free={})
    terminal.expect_exact(f"workbook: there is no chapter '{step}'; there are 01, 02, 03")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus != 0
