"""What a container keeps, and where it may write: its volumes, folders of this machine, and folders in memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from concordant import label
from fuge.export import naming
from fuge.export.notes import Notes
from fuge.plan.system import OWN_FOLDER, Service, System
from fuge.services.servers import known

VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
ALSO = {"mongo": ("/data/configdb",)}  # where a server writes beside its data


@dataclass(frozen=True)
class Mount:
    """`source` is the name of a volume, or a folder of this machine; scratch has none, and is empty at each start."""

    kind: Literal["volume", "folder", "scratch"]
    target: str
    source: str = ""
    read_only: bool = False

    @property
    def label(self) -> str:
        """The name of a volume, where only labels are names."""
        return re.sub("[^a-z0-9]+", "-", self.source.lower())[:63].strip("-")


def of(system: System, service: Service, notes: Notes) -> Iterator[Mount]:
    declared = [said(system, text) for text in service.volumes]
    targets = {mount.target for mount in declared}
    yield from declared
    if service.type == "process":
        for folder in naming.kept(system, service):
            inside = folder.parts[folder.parts.index(OWN_FOLDER) + 1 :]
            yield Mount("volume", str(folder), "-".join([label(service.name), *inside]))
        yield Mount("scratch", "/tmp")  # noqa: S108 - in a container of its own
    elif server := known(service.image):
        if server.folder not in targets:
            notes.at((service.name,), f"has no volume for {server.folder}: there it has one, so that its data is kept")
            yield Mount("volume", server.folder, f"{label(service.name)}-data")
        scratch = ("/tmp", *ALSO.get(server.image, ()))  # noqa: S108
        yield from (Mount("scratch", target) for target in scratch if target not in targets)
    elif service.keep:
        notes.of(service.name, "keep", "what a container has written goes with it: give it a volume")


def said(system: System, text: str) -> Mount:
    """From NAME:/PATH, ./FOLDER:/PATH or /PATH, perhaps with :ro."""
    text, read_only = text.removesuffix(":rw"), text.endswith(":ro")
    source, colon, target = text.removesuffix(":ro").rpartition(":")
    if not colon:
        return Mount("scratch", target)
    if VOLUME.fullmatch(source):
        return Mount("volume", target, source, read_only)
    folder = (system.file.parent / Path(source).expanduser()).resolve()
    return Mount("folder", target, str(folder), read_only)
