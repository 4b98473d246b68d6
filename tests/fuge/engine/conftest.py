"""A system in a folder, and nothing of it left when a test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fuge_project import Project, free_ports
from fuge_traces import Asked


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.close()


@pytest.fixture
def asked(project: Project) -> Asked:
    (project.folder / ".fuge").mkdir()
    return Asked(free_ports(1)[0], project)
