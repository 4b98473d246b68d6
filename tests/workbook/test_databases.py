"""A database by hand: the command that starts it, as this machine has it."""

import stat
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from workbook import databases, notebook
from workbook.databases import MONGO, REDIS
from workbook.errors import WorkbookError

SAYS_IT_IS_THERE = "#!/bin/sh\necho 20.10\n"
SAYS_IT_HAS_NO_IMAGE = '#!/bin/sh\n[ "$1" = version ] && echo 20.10\n'
SAYS_NO = "#!/bin/sh\nexit 1\n"


def no_wheel(name: str) -> None:
    raise PackageNotFoundError(name)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; and no wheel, nor a setting."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FUGE_ENGINE", raising=False)
    monkeypatch.setattr(databases, "distribution", no_wheel)
    return tmp_path


def program(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_docker_is_used_where_it_has_the_image(programs: Path) -> None:
    program(programs, "docker", SAYS_IT_IS_THERE)
    program(programs, "mongod", "")
    assert databases.docker_version() == "20.10"
    assert databases.command(MONGO, 27018, "data") == "docker run --rm -p 127.0.0.1:27018:27017 mongo"


@pytest.mark.parametrize(
    ("docker", "is_there", "said"),
    [
        (SAYS_IT_IS_THERE, True, "Docker 20.10 answers"),
        (
            SAYS_IT_HAS_NO_IMAGE,
            False,
            "left out: Docker 20.10 does not have the image tiny; `docker pull tiny` fetches it",
        ),
        (SAYS_NO, False, "left out: no Docker engine answers on this machine"),
    ],
)
def test_cell_for_docker_is_left_out_without_its_image(
    docker: str, is_there: bool, said: str, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(programs, "docker", docker)
    assert notebook.docker_engine("tiny") is is_there
    assert capsys.readouterr().out == f"{said}\n"


def test_docker_that_hangs_is_as_none(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "DEADLINE", 0.2)
    program(programs, "docker", "#!/bin/sh\nexec /bin/sleep 600\n")
    assert databases.docker_version() == ""


def test_program_on_path_is_used_where_docker_has_no_image(programs: Path) -> None:
    program(programs, "docker", SAYS_NO)
    mongod = program(programs, "mongod", "")
    assert databases.docker_version() == ""
    assert databases.command(MONGO, 27018, "data").startswith(
        f"{mongod} --dbpath data --port 27018 --bind_ip 127.0.0.1 "
    )


def test_setting_keeps_docker_out(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "docker", SAYS_IT_IS_THERE)
    mongod = program(programs, "mongod", "")
    monkeypatch.setenv("FUGE_ENGINE", "wheel")
    assert databases.command(MONGO, 27018, "data").startswith(str(mongod))


def test_nothing_to_start_is_explained(programs: Path) -> None:
    with pytest.raises(WorkbookError, match="neither Docker with the image mongo nor a mongod: `fuge doctor` says"):
        databases.command(MONGO, 27018, "data")


def test_redis_is_started_by_its_image_or_by_whatever_program_there_is(programs: Path) -> None:
    valkey = program(programs, "valkey-server", "")
    command = databases.command(REDIS, 6380, "data")
    assert command == f'{valkey} --dir data --port 6380 --bind 127.0.0.1 --save ""'
    program(programs, "docker", SAYS_IT_IS_THERE)
    assert databases.command(REDIS, 6380, "data") == "docker run --rm -p 127.0.0.1:6380:6379 redis"
