"""`fuge doctor`: what this machine has for fuge, and what to do about what it lacks."""

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

from fuge import ports
from fuge.errors import FugeError
from fuge.faces.client import Client
from fuge.plan import config
from fuge.plan.system import System

FEW_WATCHES = 65_536  # folders; the system's default on many machines is lower
Finding = tuple[str, str]  # "ok", "absent" (something can be done without) or "problem", and what it is


async def doctor(file: Path | None, given: Mapping[str, int], options: Namespace) -> int:
    """Returns 1 if something will not work. `file` is None where there is no fuge.yml."""
    findings = [*machine(), *(await about_file(file, given) if file else no_file())]
    if options.json:
        print(json.dumps([{"state": state, "text": text} for state, text in findings], indent=2))
    else:
        print("\n".join(f"{state:8}{text}" for state, text in findings))
    return 1 if any(state == "problem" for state, _ in findings) else 0


def machine() -> Iterator[Finding]:
    yield "ok", f"Python {sys.version.split()[0]} at {sys.executable}"
    if sys.platform == "linux":
        yield "ok", "warm restarts of Python services"
        watches = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text(encoding="ascii"))
        if watches < FEW_WATCHES:
            yield "absent", f"only {watches} folders can be watched: raise fs.inotify.max_user_watches for big projects"
        else:
            yield "ok", f"{watches} folders can be watched"
    else:
        yield "absent", "warm restarts: only on Linux; Python services are started by a new interpreter"
    docker = shutil.which("docker")
    yield ("ok", f"docker at {docker}") if docker else ("absent", "docker: only containers need it")
    few = len(ports.free(10)) < 10
    numbers = f"ports {ports.CANDIDATES.start} to {ports.CANDIDATES.stop - 1}, for --isolated"
    yield ("problem", f"no free {numbers}") if few else ("ok", f"free {numbers}")


def no_file() -> list[Finding]:
    return [("absent", f"no fuge.yml in {Path.cwd()} or a folder above it")]


async def about_file(file: Path, given: Mapping[str, int]) -> list[Finding]:
    try:
        system = config.load(file, os.environ, given)
    except FugeError as error:
        return [("problem", line) for line in str(error).splitlines()]
    if await Client(file).answers():
        return [("ok", f"{system.file} runs now")]
    return [("ok", f"{system.file} does not run now"), *problems(system), *port_findings(system)]


def problems(system: System) -> Iterator[Finding]:
    for name, service in system.services.items():
        if service.problem:
            yield "absent", f"{name}: {service.problem}"


def port_findings(system: System) -> Iterator[Finding]:
    for name, service in system.services.items():
        for port in service.ports:
            if ports.is_free(port.number, service.host):
                yield "ok", f"port {port.number} ({name}/{port.name}) is free"
            else:
                held = ports.describe(ports.holder(port.number))
                yield "problem", f"port {port.number} ({name}/{port.name}) is held by {held}"
