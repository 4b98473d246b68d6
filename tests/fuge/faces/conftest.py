"""A system in a folder, and nothing of it left when a test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fuge_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.close()
