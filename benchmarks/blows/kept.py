"""A system whose database keeps its data from one start to the next, as that of a container with a volume does."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbook.course import Recipe
from workbook.system import System

IMAGE = "  image: mongo\n"
KEPT = f"{IMAGE}  volumes:\n    - kept:/data/db\n"


@contextmanager
def kept_system(recipe: Recipe) -> Iterator[System]:
    with tempfile.TemporaryDirectory() as folder:
        step = Path(shutil.copytree(recipe.step, Path(folder, "step"), ignore=shutil.ignore_patterns(".fuge")))
        config = step / "fuge" / "fuge.yml"
        config.write_text(config.read_text(encoding="utf-8").replace(IMAGE, KEPT), encoding="utf-8")
        with System(step, recipe) as system:
            yield system
