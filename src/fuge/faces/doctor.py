"""`fuge doctor`: what this machine has for fuge, and what to do about what it lacks."""

import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from fuge import ports
from fuge.faces.client import Client
from fuge.faces.session import Session

FEW_WATCHES = 65_536  # folders; the system's default on many machines is lower


async def doctor(session: Session, _: Namespace) -> int:
    """Returns 1 if something will not work."""
    running = await Client(session.file).answers()
    findings = [*machine(), *(() if running else port_findings(session))]
    for state, text in findings:
        print(f"{state:8}{text}")
    print(f"{'ok':8}{session.file} {'runs' if running else 'does not run'} now")
    return 1 if any(state == "problem" for state, _ in findings) else 0


def machine() -> Iterator[tuple[str, str]]:
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


def port_findings(session: Session) -> Iterator[tuple[str, str]]:
    for name, service in session.system.services.items():
        for port in service.ports:
            if ports.is_free(port.number, service.host):
                yield "ok", f"port {port.number} ({name}/{port.name}) is free"
            else:
                held = ports.describe(ports.holder(port.number))
                yield "problem", f"port {port.number} ({name}/{port.name}) is held by {held}"
