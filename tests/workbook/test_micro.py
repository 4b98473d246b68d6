"""The reader's folder: laid out without losing anything, compared with the step."""

from pathlib import Path

import pytest

from workbook import course, micro, snapshots
from workbook.errors import WorkbookError

FIRST, SECOND = course.recipe("01"), course.recipe("02")


def test_first_recipe_begins_with_an_empty_folder(tmp_path: Path) -> None:
    said = micro.begin(FIRST, tmp_path / "micro")
    assert said == "micro/ is ready: an empty folder."
    assert list((tmp_path / "micro").iterdir()) == []


def test_recipe_begins_where_the_one_before_ends(tmp_path: Path) -> None:
    said = micro.begin(SECOND, tmp_path / "micro")
    assert said == "micro/ is ready: the system at the end of recipe 01."
    assert snapshots.read(tmp_path / "micro") == snapshots.read(FIRST.step)


def test_reading_begins_and_ends_with_the_system_of_its_recipe(tmp_path: Path) -> None:
    reading = course.chapter("08")
    for done in (False, True):
        said = micro.begin(reading, tmp_path / "micro", done)
        assert said == f"micro/ is ready: the system at the end of {'chapter 08' if done else 'recipe 07'}."
        assert micro.differences(reading, tmp_path / "micro") == {}


def test_own_work_is_kept_as_a_backup_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "micro"
    for n in (1, 2):
        (folder / "mine").mkdir(parents=True)
        (folder / "mine" / "notes.txt").write_text(f"work {n}")
        said = micro.begin(SECOND, folder)
        assert said.endswith(f" What was there is in micro.backup-{n}/.")
        assert (tmp_path / f"micro.backup-{n}" / "mine" / "notes.txt").read_text() == f"work {n}"
        assert snapshots.read(folder) == snapshots.read(FIRST.step)


def test_empty_folders_are_no_work_to_be_kept(tmp_path: Path) -> None:
    (tmp_path / "micro" / "adder_service").mkdir(parents=True)
    assert micro.begin(SECOND, tmp_path / "micro") == "micro/ is ready: the system at the end of recipe 01."
    assert [path.name for path in tmp_path.iterdir()] == ["micro"]


def test_folder_that_is_right_already_is_left_alone(tmp_path: Path) -> None:
    micro.begin(SECOND, tmp_path / "micro")
    (tmp_path / "micro" / "adder_service" / "__pycache__").mkdir()
    assert micro.begin(SECOND, tmp_path / "micro") == "micro/ is ready: the system at the end of recipe 01."
    assert [path.name for path in tmp_path.iterdir()] == ["micro"]


def test_differences_name_each_file(tmp_path: Path) -> None:
    folder = tmp_path / "micro"
    snapshots.write(snapshots.read(FIRST.step), folder)
    assert micro.differences(FIRST, folder) == {}
    (folder / "adder_service" / "service.py").write_text("changed")
    (folder / "run.py").unlink()
    (folder / "extra.txt").write_text("")
    assert micro.differences(FIRST, folder) == {
        "adder_service/service.py": "different",
        "extra.txt": "not expected",
        "run.py": "missing",
    }


def test_missing_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="`workbook start 01` lays it out"):
        micro.differences(FIRST, tmp_path / "micro")
