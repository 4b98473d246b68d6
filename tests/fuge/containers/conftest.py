"""A real Docker engine, and a project in a folder of its own of which nothing is left when a test ends."""

import gc
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import docker
import dockerd
import pytest
from container_place import LABEL, Place
from dockerd import Dockerd
from helpers import needed, wait_until

from fuge.services.docker_sdk import probe


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the engine is; nothing that belongs to a test may be left in it."""
    where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        probe(where)
    except OSError:
        needed(False, "a Docker engine (as root, `python tests/dockerd.py make test` starts one)")
    client = docker.APIClient(base_url=where, version="auto")
    for image in ("mongo", "redis"):
        needed(client.images(f"{image}:latest"), f"the image {image} in the Docker engine (`docker pull {image}`)")
    yield where
    ours = str(tmp_path_factory.getbasetemp())
    found = [each["Labels"][LABEL] for each in client.containers(all=True, filters={"label": LABEL})]
    client.close()
    assert [project for project in found if project.startswith(ours)] == []


@pytest.fixture
def place(tmp_path: Path, url: str) -> Iterator[Place]:
    made = Place(tmp_path, url)
    yield made
    made.close()


@pytest.fixture
def apart() -> Iterator[Dockerd]:
    """An engine of the test's own, to be stopped and killed; its containers have no network."""
    needed(not dockerd.why_not(), f"a Docker engine of the test's own ({dockerd.why_not()})")
    engine = Dockerd(Path(tempfile.mkdtemp(prefix="dockerd-")), apart=True)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        collect()


def collect() -> None:
    """What the SDK leaves to be closed when it cannot connect: here, and not in the midst of another test."""
    assert wait_until(lambda: "docker" not in {thread.name for thread in threading.enumerate()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def place_apart(tmp_path: Path, apart: Dockerd) -> Iterator[Place]:
    made = Place(tmp_path, apart.url)
    yield made
    made.api.close()
