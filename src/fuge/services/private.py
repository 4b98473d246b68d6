"""Folders and files for this user alone, whatever the umask is: logs and data may hold secrets."""

import os
from pathlib import Path

OTHERS = 0o077


def folder(path: Path) -> None:
    """Make it, and those above it that are missing. One that is there is left as it is. Raises OSError."""
    missing = [each for each in path.parents if not each.exists()]
    for each in (*reversed(missing), path):
        each.mkdir(mode=0o700, exist_ok=True)


def own_folder(path: Path) -> None:
    """The same for a folder that nobody but fuge uses: one that is there is closed to others. Raises OSError."""
    folder(path)
    found = path.stat()
    if found.st_mode & OTHERS and found.st_uid == os.getuid():
        path.chmod(0o700)


def file(path: Path, flags: int) -> int:
    """A descriptor, by the flags of `os.open`, of a file that is made if it is not there. Raises OSError."""
    return os.open(path, flags | os.O_CREAT, 0o600)


def write(path: Path, text: str) -> None:
    """Raises OSError."""
    with os.fdopen(file(path, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as out:
        out.write(text)
