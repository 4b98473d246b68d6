"""As on macOS and Windows, as far as Linux can be made like them. What is said of those in README.md rests on this."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from helpers import change, each_recipe, wait_until

from fuge import Engine
from workbook import course, ports, snapshots
from workbook.browser import NoAnswer, request
from workbook.course import Recipe
from workbook.system import System

WITHOUT_CONTAINERS = [course.recipe(number) for number in ("01", "02", "03", "04")]


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """With blanks and letters that are not of ASCII, as the folders of people have them."""
    folder = tmp_path / "Größe 1, été"
    folder.mkdir()
    return folder


def with_windows_lines(recipe: Recipe, folder: Path) -> Path:
    """The step as git lays it out on Windows."""
    files = snapshots.read(recipe.step).items()
    step = folder / recipe.slug
    snapshots.write({name: content.replace(b"\n", b"\r\n") for name, content in files}, step)
    for file in step.rglob("*.html"):
        os.utime(file, (0, 0))  # polling knows a change by the whole second in which it was
    return step


@each_recipe(*WITHOUT_CONTAINERS)
def test_step_runs_without_a_shell_in_an_odd_folder_with_the_line_ends_of_windows(
    recipe: Recipe, odd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))  # where there is neither sh nor bash
    monkeypatch.setattr(tempfile, "tempdir", str(odd_folder))
    with System(with_windows_lines(recipe, odd_folder), recipe) as system:
        if "webapp" in system.ports:
            assert "5</output>" in system.post("webapp", "/add/calculate", first="2", second="3").text
        else:
            assert system.get("adder_service", "/add/2/3").text.strip().endswith("5")


@pytest.fixture
def without_unix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of Python that Windows does not have are not there for what is started."""
    none = "import sys; sys.modules.update(dict.fromkeys(['fcntl', 'grp', 'pty', 'pwd', 'termios', 'tty']))"
    (tmp_path / "sitecustomize.py").write_text(none, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@each_recipe(*WITHOUT_CONTAINERS[:2])
def test_first_steps_need_nothing_of_unix(recipe: Recipe, without_unix: None) -> None:
    with System(recipe.step, recipe) as system:
        assert system.get("adder_service", "/add/2/3").text.strip().endswith("5")


def test_fuge_says_that_it_needs_a_unix(without_unix: None) -> None:
    for command in ([sys.executable, "run.py"], [sys.executable, "-m", "fuge", "up"]):
        done = subprocess.run(command, cwd=course.recipe("03").step, capture_output=True, text=True)
        said = "fuge: expected Linux, macOS or WSL, found a system without Unix's fcntl: on Windows use WSL"
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.strip() == f"{said}, where all of it works"


@each_recipe(*WITHOUT_CONTAINERS[2:])
async def test_saved_file_restarts_its_service_by_polling_and_without_a_fork(
    recipe: Recipe, odd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "true")
    free = ports.free_ports(recipe.ports)
    folder = with_windows_lines(recipe, odd_folder)
    form, sum = f"http://127.0.0.1:{free['webapp']}/add/calculate", {"first": "2", "second": "3"}

    def shows(text: str) -> bool:
        try:
            return text in request("POST", form, fields=sum).text
        except NoAnswer:
            return False

    async with Engine(folder / "fuge" / "fuge.yml", ports=free, warm=False) as engine:
        await engine.start()
        assert await asyncio.to_thread(shows, "5</output>")
        before = engine.ps(["webapp"])[0]["pid"]
        change(folder, "webapp/views/add.html", "</output>", "!</output>")
        assert await asyncio.to_thread(wait_until, lambda: engine.ps(["webapp"])[0]["pid"] not in (None, before))
        assert await asyncio.to_thread(wait_until, lambda: shows("5!</output>"))
