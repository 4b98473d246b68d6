"""The Dockerfile of a Python service, and what it is built from: a folder that anybody can build."""

import json
import re
import shlex
import shutil
import signal
import stat
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from fuge.engine.ignoring import Ignoring
from fuge.errors import FugeError
from fuge.export import elsewhere, naming
from fuge.plan.faults import shown_path
from fuge.plan.system import Service, System
from fuge.services import private

NEVER = [".env", ".env.*", ".venv/", "venv/", "node_modules/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/"]
REQUIREMENTS = "requirements.txt"
WORD = re.compile(r"[\w./@+-]+", re.ASCII)
IGNORED = ["Dockerfile", ".dockerignore", "**/__pycache__", "**/*.pyc"]


def usual_base() -> str:
    """The official image of the Python that runs fuge, which is that of the services here."""
    return f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"


@dataclass(frozen=True)
class Needs:
    """What is installed into an image: a file of requirements, and wheels that no index has."""

    requirements: Path | None = None
    wheels: tuple[Path, ...] = ()

    @property
    def is_hashed(self) -> bool:
        return self.requirements is not None and b"--hash=" in self.requirements.read_bytes()


def requirements_of(system: System, service: Service) -> Path | None:
    """The nearest requirements.txt, from the service's folder up to that of the whole system."""
    assert service.path
    top = naming.root(system)
    folders = [folder for folder in (service.path, *service.path.parents) if folder.is_relative_to(top)]
    return next((folder / REQUIREMENTS for folder in folders if (folder / REQUIREMENTS).is_file()), None)


def text(system: System, service: Service, image: str, needs: Needs, base: str) -> str:
    """The Dockerfile. Raises FugeError for a folder whose name would be more than a word there."""
    home = naming.home(system, service)
    if odd := next((path for path in (home, *naming.kept(system, service)) if not WORD.fullmatch(str(path))), None):
        expected = "folders whose names have letters, digits and _ . @ + - alone"
        raise FugeError(f"{service.name}: expected {expected}, found {str(odd)!r}: a Dockerfile takes other ones apart")
    return "\n".join(
        [
            f"# By `fuge build`: the image of {service.name}. By hand: docker build -t {image} .",
            f"ARG BASE={base}",
            "FROM ${BASE}",
            *installing(needs),
            "",
            "ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
            f"COPY app/ {home}/",
            *own_folders(system, service),
            f"WORKDIR {home}",
            f"USER {naming.USER}",
            *(f"EXPOSE {port.number}" for port in elsewhere.listening(service)),
            f"STOPSIGNAL {signal.Signals(service.terminate).name}",
            f"CMD {json.dumps(shlex.split(service.run))}",
            "",
        ]
    )


def installing(needs: Needs) -> Iterator[str]:
    pip = "RUN python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore"
    if needs.requirements:
        yield ""
        yield f"COPY {REQUIREMENTS} /tmp/"
        yield f"{pip}{' --require-hashes' if needs.is_hashed else ''} -r /tmp/{REQUIREMENTS}"
    if needs.wheels:
        yield ""
        yield "COPY wheels/ /tmp/wheels/"
        yield f"{pip} --no-index --no-deps /tmp/wheels/*.whl"


def own_folders(system: System, service: Service) -> Iterator[str]:
    """A volume that is new takes its owner from the folder in whose place it is."""
    for folder in naming.kept(system, service):
        yield f"RUN mkdir -p {folder} && chown {naming.USER} {folder}"


def prepare(system: System, service: Service, text: str, needs: Needs, hidden: Collection[Path]) -> Path:
    """Write the folder that an image is built from, and return it: the Dockerfile, and all that it copies.

    Of the service's folder that is what git does not ignore, without the files in `hidden`. Raises FugeError.
    """
    folder = system.data / "build" / service.name
    try:
        shutil.rmtree(folder, ignore_errors=True)
        private.own_folder(system.data)
        private.own_folder(folder)
        (folder / "Dockerfile").write_text(text, encoding="utf-8")
        (folder / ".dockerignore").write_text("\n".join([*IGNORED, ""]), encoding="utf-8")
        if needs.requirements:
            shutil.copyfile(needs.requirements, folder / REQUIREMENTS)
        for wheel in needs.wheels:
            (folder / "wheels").mkdir(exist_ok=True)
            shutil.copyfile(wheel, folder / "wheels" / wheel.name)
        copy(service, folder / "app", hidden)
    except (OSError, RecursionError) as error:
        raise FugeError(f"{service.name}: {shown_path(folder)} cannot be written: {error}") from None
    return folder


def copy(service: Service, target: Path, hidden: Collection[Path]) -> None:
    """What links lead to is copied as well; all of it can be read by whoever runs there."""
    assert service.path
    ignoring = Ignoring(service.path, NEVER)

    def ignored(folder: str, names: list[str]) -> set[str]:
        paths = {name: Path(folder, name) for name in names}
        return {name for name, path in paths.items() if path in hidden or not ignoring.concerns(path)}

    shutil.copytree(service.path, target, ignore=ignored, ignore_dangling_symlinks=True)
    for path in (target, *target.rglob("*")):
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)
