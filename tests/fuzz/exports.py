"""What is exported of a fuge.yml, whatever that says: files that other engines can read, or a reason why not."""

from functools import partial

from fuge_exports import MAKERS, values
from fuzz.fuge_yml import SEEDS, WORDS, loading
from fuzz.target import Misbehaved, Target

from fuge.errors import FugeError
from fuge.export import docker, units
from fuge.export.naming import Images
from fuge.export.notes import Notes
from fuge.plan.places import Document
from fuge.plan.system import System


def check_exports(document: Document, system: System) -> None:
    for kind, make in MAKERS.items():
        notes = Notes(document)
        try:
            found = units.of(document, system, Images(), {} if kind == "kubernetes" else docker.DNS, notes)
            output = make(found, notes)
        except FugeError:
            continue
        for text in (output.text, *(output.private.values() if kind == "kubernetes" else ())):
            if not all(values(text)):
                raise Misbehaved(f"an empty document for {kind}: {text}")
        comments = [line for line in output.text.splitlines() if line.startswith("# ")]
        if notes.found and len(comments) != len(notes.found) + 2:
            raise Misbehaved(f"expected a comment for each note, found {comments}")


TARGETS = (Target("exports of a fuge.yml", SEEDS, WORDS, partial(loading, check_exports)),)
