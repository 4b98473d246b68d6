"""What fuge keeps, and the socket by which it is told what to do, are its user's alone, whatever the umask says."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuge_project import Project

OTHERS = 0o077


@pytest.fixture
def open_to_all() -> Iterator[None]:
    """The umask of somebody who thinks of nobody."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    """What in a folder, itself included, others may look at or change."""
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
    return {str(path.relative_to(folder)): oct(mode) for path, mode in modes.items() if mode & OTHERS}


def socket_of(data: Path) -> Path:
    return Path(json.loads((data / "engine.json").read_text())["socket"])


@pytest.mark.parametrize("way", ["in the background", "in the foreground"])
@pytest.mark.usefixtures("open_to_all")
def test_what_fuge_keeps_is_its_users_alone(project: Project, way: str) -> None:
    project.configure_with(project.server("web", "environment: [PASSWORD=secret]"))
    if way == "in the background":
        project.up()
    else:
        foreground = project.begin("up")
        project.await_event("web", "ready")
    data = project.folder / ".fuge"
    assert {"engine.json", "lock", "log"} <= {path.name for path in data.iterdir()}
    assert {"web.log", "events.jsonl"} <= {path.name for path in (data / "log").iterdir()}
    assert open_to_others(data) == {}
    socket = socket_of(data)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    project.down()
    if way == "in the foreground":
        foreground.wait(30)


@pytest.mark.usefixtures("open_to_all")
def test_what_was_open_to_others_is_closed(project: Project) -> None:
    """By an earlier fuge, or by hand."""
    (project.folder / ".fuge" / "log").mkdir(parents=True, mode=0o755)
    project.configure_with(project.sleeper("x"))
    project.up()
    assert open_to_others(project.folder / ".fuge") == {}
    project.down()


@pytest.mark.usefixtures("open_to_all")
def test_chosen_folder_stays_as_it_is_and_what_is_in_it_is_private(project: Project, tmp_path: Path) -> None:
    """It may be one that others use as well."""
    data = tmp_path / "chosen"
    data.mkdir(mode=0o755)
    project.environment["FUGE_DATA"] = str(data)
    project.configure_with(project.sleeper("x"))
    project.ok("up", "-d", "--wait")
    assert open_to_others(data) == {".": "0o755"}
    project.ok("down")


@pytest.mark.usefixtures("open_to_all")
def test_data_of_a_server_in_place_of_a_container_is_private(project: Project) -> None:
    project.write("redis: {type: container, image: redis, ports: [main=auto], keep: true}\n")
    project.environment["FUGE_ENGINE"] = "wheel"
    project.ok("up", "-d", "--wait")
    folder = project.folder / ".fuge" / "data" / "redis"
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    project.ok("down")
