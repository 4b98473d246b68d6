"""The engines for which a system can be written."""

from collections.abc import Callable

from fuge.export import compose, docker, kubernetes, swarm, units
from fuge.export.naming import Images
from fuge.export.notes import Note, Notes
from fuge.export.output import Output
from fuge.export.units import Units
from fuge.plan.places import Document
from fuge.plan.system import System

ENGINES: dict[str, Callable[[Units, Notes], Output]] = {
    "compose": compose.output,
    "swarm": swarm.output,
    "kubernetes": kubernetes.output,
}


def export(document: Document, system: System, engine: str, images: Images) -> tuple[Output, list[Note]]:
    """A system as one of ENGINES takes it, and what that cannot do of it; the same for the same plan.

    Raises FugeError for what can have no name there.
    """
    notes = Notes(document)
    dns = {} if engine == "kubernetes" else docker.DNS
    output = ENGINES[engine](units.of(document, system, images, dns, notes), notes)
    return output, notes.found
