"""What an engine cannot do of a fuge.yml: where the file says it, and why it is left out, or done otherwise."""

from pathlib import Path
from typing import NamedTuple

from fuge.plan import faults
from fuge.plan.faults import Place, Where, dotted, visible
from fuge.plan.places import Document
from fuge.plan.schema import GLOBAL


class Note(NamedTuple):
    """One thing of the file, by its place and its key."""

    place: Place
    key: str
    reason: str

    def text(self, file: Path) -> str:
        return visible(f"{faults.position(file, self.place)} {self.key}: {self.reason}")


class Notes:
    """Collects notes, each once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: set[Note] = set()

    def where(self, service: str, key: str) -> Where | None:
        """Where the file itself says something: at the service, or else for all of them; None for a default."""
        ways: tuple[Where, ...] = ((service, key), (GLOBAL, key))
        return next((way for way in ways if way in self._document.values), None)

    def says_restart(self, service: str) -> bool:
        """Whether the file itself says when a service is started again."""
        return any(self.where(service, key) for key in ("restart", "restart_on_error"))

    def of(self, service: str, key: str, reason: str) -> bool:
        """Note it if the file says that key, which it then returns; a default is nobody's wish."""
        where = self.where(service, key)
        if where:
            self.at(where, reason)
        return where is not None

    def at(self, where: Where, reason: str) -> None:
        """`where` is looked up as far as the file has it."""
        place = self._document.place(where, at_key=isinstance(where[-1], str))
        self._found.add(Note(place, dotted(where), reason))

    @property
    def found(self) -> list[Note]:
        """In the file's order."""
        return sorted(self._found)
