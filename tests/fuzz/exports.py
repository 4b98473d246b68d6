"""What is exported of a fuge.yml, whatever that says: files that other engines can read, or a reason why not."""

from functools import partial

import yaml
from fuzz.fuge_yml import SEEDS, WORDS, loading
from fuzz.target import Misbehaved, Target

from fuge.errors import FugeError
from fuge.export.engines import ENGINES, export
from fuge.export.naming import Images
from fuge.plan.places import Document
from fuge.plan.system import System


def check_exports(document: Document, system: System) -> None:
    for engine in ENGINES:
        try:
            output, notes = export(document, system, engine, Images())
        except FugeError:
            continue
        for text in (output.text, *(output.private.values() if engine == "kubernetes" else ())):
            if not all(yaml.load_all(text, yaml.CSafeLoader)):
                raise Misbehaved(f"an empty document for {engine}: {text}")
        comments = [line for line in output.text.splitlines() if line.startswith("# ")]
        if notes and len(comments) != len(notes) + 2:
            raise Misbehaved(f"expected a comment for each note, found {comments}")


TARGETS = (Target("exports of a fuge.yml", SEEDS, WORDS, partial(loading, check_exports)),)
