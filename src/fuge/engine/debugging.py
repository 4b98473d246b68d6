"""How a service is started under a debugger, and how an editor attaches to it."""

import importlib.util
import json
import shlex
import sys
from typing import Any

from fuge.errors import FugeError
from fuge.plan.system import Service, System

HOST = "127.0.0.1"


def command(service: Service, port: int, wait_for_client: bool) -> tuple[str, ...]:
    """The words that start the service with its debugger listening on a port of this machine."""
    program, *arguments = shlex.split(service.run) or [""]
    if program == "python":
        if importlib.util.find_spec("debugpy") is None:
            raise FugeError("debugpy is not installed: pip install debugpy (it is in the extra `debug`)")
        waiting = ["--wait-for-client"] if wait_for_client else []
        return (
            sys.executable,
            "-Xfrozen_modules=off",
            "-m",
            "debugpy",
            "--listen",
            f"{HOST}:{port}",
            *waiting,
            *arguments,
        )
    if program == "node":
        option = "--inspect-brk" if wait_for_client else "--inspect"
        return (program, f"{option}={HOST}:{port}", *arguments)
    raise FugeError(
        f"{service.name} cannot be debugged: expected its run to begin with `python` or `node`, found {service.run!r}"
    )


def attachment(system: System, service: Service, port: int) -> dict[str, Any]:
    """Where the debugger listens; the same is kept as a launch configuration that editors such as VS Code read."""
    kind = "debugpy" if shlex.split(service.run)[0] == "python" else "node"
    where = {"connect": {"host": HOST, "port": port}} if kind == "debugpy" else {"address": HOST, "port": port}
    configuration = {"name": f"fuge: {service.name}", "type": kind, "request": "attach", **where}
    file = system.data / "launch.json"
    try:
        known = json.loads(file.read_text(encoding="utf-8"))["configurations"]
    except (OSError, ValueError, KeyError):
        known = []
    others = [each for each in known if each["name"] != configuration["name"]]
    content = {"version": "0.2.0", "configurations": [*others, configuration]}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return {"service": service.name, "host": HOST, "port": port, "launch": str(file)}
