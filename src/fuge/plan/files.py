"""What a fuge.yml points to on the disk."""

import stat
from pathlib import Path
from typing import Literal

Kind = Literal["file", "folder", "something else", ""]


def kind(path: Path) -> Kind:
    """What is there; empty too if nothing can be there, as under a name that is too long, or it is kept from us."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "something else"
