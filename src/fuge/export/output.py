"""What an export gives: a file to be read and kept, and others that hold secrets; and how they are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fuge.errors import FugeError
from fuge.export.notes import Notes
from fuge.export.units import Units
from fuge.plan.faults import shown_path, visible
from fuge.services import private

MARK = "# By `fuge export "  # begins each file, by which it is known as one that may be written over


@dataclass(frozen=True)
class Output:
    """`private` are files with secrets, by their names."""

    name: str
    text: str
    private: Mapping[str, str] = field(default_factory=dict)


def head(kind: str, units: Units, start: str, notes: Notes) -> str:
    """Comments: what this is, how to start it, and what it does not say of the fuge.yml."""
    file = Path(units.system.file.name)  # the same on every machine
    lines = [f"{MARK}{kind}` from {visible(file.name)}. Start it: {start}"]
    if found := notes.found:
        lines += ["# What the fuge.yml says and this does not, or otherwise:"]
        lines += [f"# {note.text(file)}" for note in found]
    return "\n".join([*lines, ""])


def write(output: Output, kind: str, folder: Path, force: bool) -> list[Path]:
    """Write all files into a folder, those with secrets for this user alone. Returns their paths.

    Raises FugeError, before any is written, if one is there that is not fuge's, unless `force` is set.
    """
    secrets = {name: f"{MARK}{kind}`: secrets, not to be shared\n{text}" for name, text in output.private.items()}
    texts = {output.name: output.text} | secrets
    for name in texts if not force else ():
        if not is_ours(folder / name):
            advice = "take another folder, or --force to write over it"
            raise FugeError(f"expected no file, or one by fuge export, at {shown_path(folder / name)}: {advice}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / name
        if name in secrets:
            path.unlink(missing_ok=True)  # whoever could read it so far
            private.write(path, text)
        else:
            path.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def is_ours(path: Path) -> bool:
    try:
        return path.read_bytes().startswith(MARK.encode())
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
