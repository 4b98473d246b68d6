"""The reader's folder: laid out at the start of a chapter, compared with the step at its end."""

import subprocess
import sys
from pathlib import Path

from workbook import course, snapshots
from workbook.course import Chapter
from workbook.errors import WorkbookError

NAME = "micro"


def begin(chapter: Chapter, micro: Path, done: bool = False) -> str:
    """Lay out what a chapter starts from in `micro`; or, with `done`, what it ends with.

    What was there is kept beside it as a backup. Returns a sentence that says what was done.
    """
    wanted = chapter if done else course.before(chapter)
    start = snapshots.read(wanted.step) if wanted else {}
    origin = f"the system at the end of {wanted}" if wanted else "an empty folder"
    if micro.is_dir() and snapshots.read(micro) == start:
        remove_empty_folders(micro)
        return f"{NAME}/ is ready: {origin}."
    kept = back_up(micro)
    snapshots.write(start, micro)
    return f"{NAME}/ is ready: {origin}." + (f" What was there is in {kept.name}/." if kept else "")


def remove_empty_folders(micro: Path) -> None:
    for folder in sorted((path for path in micro.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def back_up(micro: Path) -> Path | None:
    if micro.is_dir():
        remove_empty_folders(micro)
    if not micro.exists() or (micro.is_dir() and not any(micro.iterdir())):
        return None
    numbers = (number for number in range(1, 10_000))
    backup = next(path for path in (micro.with_name(f"{micro.name}.backup-{n}") for n in numbers) if not path.exists())
    try:
        return micro.rename(backup)
    except OSError as error:
        raise WorkbookError(f"cannot move {micro} to {backup.name}: {error.strerror}; close what uses it") from None


def stop(micro: Path) -> None:
    """Stop what fuge runs in the background in this folder, if it does."""
    if (micro / "fuge" / ".fuge" / "engine.json").is_file():
        subprocess.run([sys.executable, "-m", "fuge", "down"], cwd=micro, capture_output=True, check=False)


def differences(chapter: Chapter, micro: Path) -> dict[str, str]:
    """What of the reader's folder is not as at the end of the chapter, as snapshots.differences says it."""
    if not micro.is_dir():
        raise WorkbookError(f"there is no {micro}: `workbook start {chapter.number}` lays it out")
    return snapshots.differences(snapshots.read(chapter.step), snapshots.read(micro))
