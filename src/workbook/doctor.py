"""Looks at the machine and explains what is there, what is not, and what to do about it."""

import asyncio
import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import fuge
from workbook import databases, ports
from workbook.course import newest


@dataclass(frozen=True)
class Finding:
    """`state` is "ok", "absent" (not needed for everything) or "problem" (something will not work)."""

    subject: str
    state: Literal["ok", "absent", "problem"]
    found: str
    advice: str = ""


def findings() -> Iterator[Finding]:
    yield python()
    yield packages()
    yield from service_ports()
    yield docker()
    yield server("MongoDB", "mongo", since="05")
    yield server("Redis", "redis", since="07")
    yield browser()


def python() -> Finding:
    return Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def packages() -> Finding:
    missing = [name for name in newest().imports if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("Packages", "problem", f"missing: {', '.join(missing)}", "Run `make run`: it installs them.")
    return Finding("Packages", "ok", ", ".join(newest().imports))


def service_ports() -> Iterator[Finding]:
    for service, default in newest().ports.items():
        port = ports.configured(service, default)
        subject = f"Port {port} ({service})"
        if not ports.answers(port) and ports.is_free(port):
            yield Finding(subject, "ok", "free")
            continue
        held = ports.holder(port) or "held by a program that cannot be seen from this account"
        other = ports.free_ports([service])[service]
        advice = f"Stop it, or choose another port: {ports.variable(service)}={other} before the command."
        yield Finding(subject, "problem", held, advice)


def docker() -> Finding:
    if shutil.which("docker") is None:
        return Finding("Docker", "absent", "no docker command", "Not needed: containers run by real servers instead.")
    if version := databases.docker_version():
        return Finding("Docker", "ok", f"engine {version}")
    return Finding(
        "Docker", "absent", "the command is there, the engine does not answer", "Start Docker if you want it."
    )


def server(subject: str, image: str, since: str) -> Finding:
    """What fuge would take to run the image, from recipe `since` on."""
    candidates = asyncio.run(fuge.survey(image))
    for candidate in candidates:
        if candidate.choice:
            return Finding(subject, "ok", candidate.choice.how)
    said = "; ".join(candidate.reason for candidate in candidates)
    advice = next((candidate.remedy for candidate in reversed(candidates) if candidate.remedy), "")
    state: Literal["absent", "problem"] = "problem" if newest().number >= since else "absent"
    return Finding(subject, state, said, f"{advice[:1].upper()}{advice[1:]}. Recipes before {since} do without it.")


def browser() -> Finding:
    chromium, driver = browser_programs()
    if chromium and driver:
        return Finding("Browser", "ok", f"{chromium} with {driver}")
    missing = "no Chromium" if not chromium else "no chromedriver"
    return Finding("Browser", "absent", f"{missing} on PATH", "Only the browser tests of `make test` want it.")


def browser_programs() -> tuple[str | None, str | None]:
    """Chromium and its driver, which the browser tests use; None for what is not on PATH."""
    browsers = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, browsers), None), shutil.which("chromedriver")
