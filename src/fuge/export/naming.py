"""What things are called elsewhere: the system, its images, and where a service is in its image."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from concordant import label
from fuge.plan import location
from fuge.plan.system import OWN_FOLDER, Service, System

APP = PurePosixPath("/app")  # where an image has what belongs to its service
USER = "10001:10001"  # of the images that fuge makes, and nobody's on any machine


@dataclass(frozen=True)
class Images:
    """How images are called that fuge makes: `registry.example.com/team/shop-stock:1.4`, or `shop-stock:latest`."""

    registry: str = ""
    tag: str = "latest"

    def of(self, system: System, service: Service) -> str:
        start = f"{self.registry.rstrip('/')}/" if self.registry else ""
        return f"{start}{project(system)}-{label(service.name)}:{self.tag}"


def project(system: System) -> str:
    """The system as a DNS label: small letters, digits and hyphens."""
    word = re.sub("[^a-z0-9]+", "-", location.project(system.file).lower())
    return word[:40].strip("-") or "system"


def root(system: System) -> Path:
    """The folder that holds the fuge.yml and all services: in an image, it is APP."""
    folders = [service.path for service in system.services.values() if service.path]
    return Path(os.path.commonpath([system.file.parent, *folders]))


def home(system: System, service: Service) -> PurePosixPath:
    """The folder of a process in its image; what is beside it here is beside it there."""
    assert service.path
    return APP / service.path.relative_to(root(system)).as_posix()


def kept(system: System, service: Service) -> list[PurePosixPath]:
    """The folders in an image in which a process keeps something from one start to the next.

    They are those of its variables that lead into the folder where fuge has its data, as OUTBOX=../fuge/.fuge/outbox.
    """
    data = system.file.parent / OWN_FOLDER
    assert service.path
    found = []
    for value in service.environment.values():
        path = Path(os.path.normpath(service.path / value))
        if data in path.parents:
            found.append(APP / path.relative_to(root(system)).as_posix())
    return list(dict.fromkeys(found))
