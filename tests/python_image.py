"""A base image with this machine's Python, for an engine that cannot pull one; and the lock of what is in it.

It has pip, and what the newest step imports from outside: to install the lock is to find all of it installed already.
"""

import re
import shutil
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import docker_images
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbook.course import ROOT

NAME = "fuge-python"
PROJECT = "microservices-workbook"
EXTRAS = ("dns", "fast", "steps")
VENV = Path("/opt/venv")
UNUSED = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "site-packages", "dist-packages"}
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def packages() -> list[str]:
    """The distributions that the newest step needs, without the project itself."""
    found: dict[str, None] = {}
    waiting = [(PROJECT, extra) for extra in ("", *EXTRAS)]
    while waiting:
        name, extra = waiting.pop()
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            package = canonicalize_name(requirement.name)
            if needed and package not in found:
                found[package] = None
                waiting += [(package, each) for each in ("", *requirement.extras)]
    return sorted(found)


def lock() -> str:
    """Their lines of the run lock, with hashes."""
    text = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?:[^\s#].*\n)(?:[ \t]+.*\n)*", text, re.MULTILINE)
    wanted = set(packages())
    return "".join(block for block in blocks if canonicalize_name(re.split(r"[=\[; ]", block)[0]) in wanted)


def make(api: Any) -> None:
    """Give an engine that image, if it does not have it."""
    if any(f"{NAME}:latest" in (image["RepoTags"] or ()) for image in api.images()):
        return
    with tempfile.NamedTemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w", dereference=True) as archive:
            pack(archive)
        file.flush()
        changes = [f"ENV PATH={VENV}/bin:/usr/local/bin:/bin", 'CMD ["python"]']
        said = api.import_image_from_file(file.name, repository=NAME, tag="latest", changes=changes)
    assert "error" not in said, said


def pack(archive: tarfile.TarFile) -> None:
    for name in ("tmp", "app"):
        docker_images.add_folder(archive, name)
    for name, text in {"etc/passwd": "root:x:0:0:root:/:/bin/sh\n", "etc/group": "root:x:0:\n"}.items():
        docker_images.add_text(archive, name, text)
    programs = [Path(shutil.which(tool) or tool) for tool in docker_images.TOOLS]
    interpreter = Path(sys.base_prefix, "bin", PYTHON).resolve()
    libraries: dict[str, Path] = {}
    for path in [*programs, interpreter, *compiled()]:
        libraries |= {str(each)[1:]: each for each in docker_images.needed_by(path)}
    for path in programs:
        archive.add(path, f"bin/{path.name}", filter=docker_images.executable)
    archive.add(interpreter, str(interpreter)[1:], filter=docker_images.executable)
    for name, path in libraries.items():
        archive.add(path, name, filter=docker_images.executable)
    add_tree(archive, stdlib(), stdlib())
    for path in installed():
        archive.add(path, str(in_venv(path))[1:], filter=docker_images.executable)
    docker_images.add_text(archive, f"{VENV}/pyvenv.cfg"[1:], f"home = {interpreter.parent}\n")
    for name in ("python", "python3"):
        link = tarfile.TarInfo(f"{VENV}/bin/{name}"[1:])
        link.type, link.linkname = tarfile.SYMTYPE, str(interpreter)
        archive.addfile(link)


def compiled() -> Iterator[Path]:
    """The modules in machine code, which need libraries."""
    yield from (stdlib() / "lib-dynload").glob("*.so")
    yield from (path for path in installed() if path.suffix == ".so")


def installed() -> list[Path]:
    files = [file for name in ("pip", *packages()) for file in distribution(name).files or ()]
    paths = {Path(str(file.locate())).resolve() for file in files}
    return sorted(path for path in paths if path.is_relative_to(site()) and path.is_file())


def stdlib() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def site() -> Path:
    return Path(sysconfig.get_path("purelib")).resolve()


def in_venv(path: Path) -> Path:
    return VENV / "lib" / PYTHON / "site-packages" / path.relative_to(site())


def add_tree(archive: tarfile.TarFile, folder: Path, name: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.name in UNUSED or path.name.startswith("config-"):
            continue
        if path.is_dir():
            add_tree(archive, path, name / path.name)
        else:
            archive.add(path, str(name / path.name)[1:], filter=docker_images.executable)
