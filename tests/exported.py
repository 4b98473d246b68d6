"""A step of the course for other engines: a copy of it, its images built, and what a visitor sees of it there."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import docker
import python_image
from helpers import wait_until

from fuge import ports
from workbook import snapshots
from workbook.browser import Answer, NoAnswer, request
from workbook.course import ROOT, Recipe

PATIENCE = 180  # seconds for one command, on a machine that is busy with other things


def wheel(folder: Path) -> Path:
    """This project, as others install it."""
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    [found] = folder.glob("*.whl")
    return found


class Exported:
    """`url` is the engine that builds the images; `host` is where the webapp is reached."""

    def __init__(self, recipe: Recipe, folder: Path, url: str) -> None:
        self.recipe = recipe
        self.folder = folder / f"shop-{uuid.uuid4().hex[:8]}"
        self.host = "127.0.0.1"
        [self.port] = ports.free(1)
        snapshots.write(snapshots.read(recipe.step), self.folder)
        (self.folder / "requirements.txt").write_text(python_image.lock(), encoding="utf-8")
        self._scratch = folder
        self.environment = os.environ | {"DOCKER_HOST": url}
        self.api = docker.APIClient(base_url=url, version="auto")

    @property
    def project(self) -> str:
        return self.folder.name

    def build(self) -> list[str]:
        """Make the images of the services. Returns their names."""
        python_image.make(self.api)
        self.fuge("build", "--base", python_image.NAME, "--wheel", str(wheel(self._scratch)))
        return self.images()

    def images(self) -> list[str]:
        tags = [tag for image in self.api.images() for tag in image["RepoTags"] or ()]
        return sorted(tag for tag in tags if tag.startswith(f"{self.project}-"))

    def close(self) -> None:
        for image in self.images():
            self.api.remove_image(image)
        self.api.close()

    def fuge(self, *words: str) -> str:
        return self.run([sys.executable, "-m", "fuge", "-p", f"webapp={self.port}", *words])

    def run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}"
        return done.stdout

    # As a visitor -----------------------------------------------------------------------------------------------

    def get(self, path: str) -> Answer:
        return request("GET", f"http://{self.host}:{self.port}{path}")

    def is_there(self) -> bool:
        """Whether it comes to answer."""

        def answers() -> bool:
            try:
                return self.get("/healthz").text == "ok"
            except NoAnswer:
                return False

        return wait_until(answers, PATIENCE)

    def add(self, first: str, second: str) -> list[str]:
        """The sum, as the page shows it."""
        form = {"first": first, "second": second}
        answer = request("POST", f"http://{self.host}:{self.port}/add/calculate", form)
        return re.findall(r"<output[^>]*>(.*?)</output>", answer.text)

    def comes_to_add(self, first: str, second: str, expected: str) -> bool:
        """Whether the adder is found at last, where all services start at once."""
        return wait_until(lambda: self.add(first, second) == [expected], PATIENCE)

    def is_audited(self, calculation: str) -> bool:
        return wait_until(lambda: f"<td>{calculation}</td>" in self.get("/audit").text, PATIENCE)
