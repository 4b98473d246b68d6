"""Where the fuge.yml is."""

from pathlib import Path

from fuge.errors import ConfigError
from fuge.plan import faults

CANDIDATES = ("fuge.yml", "fuge/fuge.yml")


def find(start: Path) -> Path:
    """The fuge.yml to use when none is named: in `start` or the nearest folder above, or in a fuge/ there.

    Raises ConfigError if there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        for candidate in CANDIDATES:
            if (folder / candidate).is_file():
                return folder / candidate
    looked_for = faults.one_of(CANDIDATES)
    raise ConfigError(f"expected {looked_for} in {start} or a folder above it, found none; name the file to use")


def absolute(file: Path | str) -> Path:
    """The full path of a fuge.yml. One that is a link stays one: what is relative in it, is so to the link's folder."""
    file = Path(file)
    return file.parent.resolve() / file.name


def project(file: Path) -> str:
    """What people call the system of a fuge.yml: the name of its folder, or of the one around a folder `fuge`."""
    folder = file.parent
    return folder.parent.name if folder.name == "fuge" else folder.name
