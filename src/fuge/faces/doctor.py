"""`fuge doctor`: what this machine has for fuge, and what to do about what it lacks."""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path

from fuge import ports
from fuge.errors import FugeError
from fuge.faces.client import Client
from fuge.plan import config, discovery
from fuge.plan.system import TRACES_HOST, Service, System
from fuge.services.engines import Candidate, Engines, survey

IMAGES = ("mongo", "redis")
FEW_WATCHES = 65_536  # folders; the system's default on many machines is lower
NEEDED_FOR_UI = ("aiohttp", "opentelemetry.proto")
Finding = tuple[str, str]  # "ok", "absent" (something can be done without) or "problem", and what it is


async def doctor(file: Path | None, given: Mapping[str, int], options: Namespace) -> int:
    """Returns 1 if something will not work. `file` is None where there is no fuge.yml."""
    findings = [*machine(), *(await about_file(file, given) if file else [*no_file(), *await about_known_images()])]
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
    page = "`fuge ui`, and traces"
    if all(map(is_installed, NEEDED_FOR_UI)):
        yield "ok", page
    else:
        yield "absent", f'{page}: install the extra ui (pip install "microservices-workbook[ui]")'
    few = len(ports.free(10)) < 10
    numbers = f"ports {ports.candidates()[0]} to {ports.candidates()[-1]}, for --isolated"
    yield ("problem", f"no free {numbers}") if few else ("ok", f"free {numbers}")


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def no_file() -> list[Finding]:
    return [("absent", f"no fuge.yml in {Path.cwd()} or a folder above it")]


async def about_file(file: Path, given: Mapping[str, int]) -> list[Finding]:
    try:
        system = config.load(file, os.environ, given)
    except FugeError as error:
        return [("problem", line) for line in str(error).splitlines()]
    if await Client(file).answers():
        return [("ok", f"{system.file} runs now"), *replaced(system), *await about_containers(system)]
    here = ("ok", f"{system.file} does not run now")
    return [here, *problems(system), *port_findings(system), *replaced(system), *await about_containers(system)]


async def about_containers(system: System) -> list[Finding]:
    """What would run the images of a system's containers."""
    containers = [service for service in system.services.values() if service.type == "container"]
    if containers and not system.run_containers:
        names = ", ".join(service.name for service in containers)
        return [("absent", f"{names}: not managed, since run_containers is false")]
    return await about_images(containers, system.container_engine_url) if containers else []


async def about_images(containers: Sequence[Service], url: str) -> list[Finding]:
    """For each container the engine that would be chosen, or what keeps every candidate from it."""
    engines, found = Engines(url), []
    try:
        for service in containers:
            name = service.name if service.name == service.image else f"{service.name} (image {service.image})"
            found += about_image(name, [each async for each in engines.survey(service)], "problem")
    except FugeError as error:  # a setting with a wrong word
        return [("problem", str(error))]
    finally:
        engines.close()
    return found


async def about_known_images() -> list[Finding]:
    """The same for the images that need no Docker, where there is no fuge.yml that has any."""
    try:
        return [each for image in IMAGES for each in about_image(image, await survey(image), "absent")]
    except FugeError as error:
        return [("problem", str(error))]


def about_image(name: str, candidates: Sequence[Candidate], without: str) -> list[Finding]:
    usable = next((each.choice for each in candidates if each.choice), None)
    refused = takewhile(lambda each: not each.choice, candidates)
    findings = [("absent", f"  {each}") for each in refused if each.was_asked or not usable]
    first = (
        ("ok", f"container {name}: by {usable.how}")
        if usable
        else (without, f"container {name}: nothing here can run it")
    )
    return [first, *findings]


def problems(system: System) -> Iterator[Finding]:
    for name, service in system.services.items():
        if service.problem:
            yield "absent", f"{name}: {service.problem}"


def replaced(system: System) -> Iterator[Finding]:
    for name, link in discovery.replaced(system, os.environ).items():
        said = f"{name}={os.environ[name]}"
        yield "absent", f"{said} for services, which get {link}, as in Kubernetes: put {said} into their environment"


def port_findings(system: System) -> Iterator[Finding]:
    wanted = [
        (f"{name}/{port.name}", port.number, service.host)
        for name, service in system.services.items()
        for port in service.ports
    ]
    hosts = {"dns": system.dns_host, "traces": TRACES_HOST}
    wanted += [(f"{name}_port", number, hosts[name]) for name, number in system.own_ports.items()]
    for name, number, host in wanted:
        if ports.is_free(number, host):
            yield "ok", f"port {number} ({name}) is free"
        else:
            yield "problem", f"port {number} ({name}) is held by {ports.describe(ports.holder(number))}"
