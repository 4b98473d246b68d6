"""How a service is started under a debugger, and how an editor attaches to it."""

import asyncio
import importlib.util
import json
import shlex
import sys
import time
from collections.abc import Callable
from typing import Any

from fuge import ports
from fuge.engine.running import Running
from fuge.errors import FugeError, NotReadyError
from fuge.plan.system import Service, System
from fuge.services import private

HOST = "127.0.0.1"
PATIENCE = 15  # seconds for a debugger to listen
PAUSE = 0.02  # seconds between two looks
WITHOUT_PACKAGES = ("-S", "-I")  # options that would hide the debugger from Python


async def restart(running: Running, wait_for_client: bool) -> int:
    """Restart a service under its debugger, until it is stopped. Returns the port where that listens.

    Raises NotReadyError if it does not, FugeError for what cannot be debugged.
    """
    name = running.service.name
    if running.service.type == "container":
        raise FugeError(f"{name} cannot be debugged: it is a container; fuge starts debuggers of processes only")
    port = ports.free(1)[0]
    argv = command(running.service, port, wait_for_client)
    if not running.startable:
        raise FugeError(f"{name} cannot be debugged: {running.reason or running.state}")
    await running.stop()
    running.debug = argv
    await running.start()
    if not await listening(port, lambda: not running.active):
        raise NotReadyError(f"the debugger of {name} does not listen: {running.reason or 'see its logs'}")
    return port


def command(service: Service, port: int, wait_for_client: bool) -> tuple[str, ...]:
    """The words that start the service with its debugger listening on a port of this machine."""
    program, *arguments = shlex.split(service.run) or [""]
    if program == "python":
        if importlib.util.find_spec("debugpy") is None:
            raise FugeError("debugpy is not installed: pip install debugpy (it is in the extra `debug`)")
        options, script = split(arguments)
        waiting = ["--wait-for-client"] if wait_for_client else []
        debugger = ("-Xfrozen_modules=off", "-m", "debugpy", "--listen", f"{HOST}:{port}")
        return (sys.executable, *options, *debugger, *waiting, *script)
    if program == "node":
        option = "--inspect-brk" if wait_for_client else "--inspect"
        return (program, f"{option}={HOST}:{port}", *arguments)
    raise FugeError(
        f"{service.name} cannot be debugged: expected its run to begin with `python` or `node`, found {service.run!r}"
    )


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The options of Python itself, and what follows them: a script, or -m or -c with what belongs to it."""
    count = 0
    while count < len(arguments) and arguments[count].startswith("-") and arguments[count][:2] not in ("-m", "-c"):
        count += 2 if arguments[count] in ("-X", "-W") else 1
    options = [option for option in arguments[:count] if option not in WITHOUT_PACKAGES]
    return options, arguments[count:]


async def listening(port: int, has_ended: Callable[[], bool]) -> bool:
    """Wait until a debugger listens. It is not asked, for it may take the first that asks for its client."""
    deadline = time.monotonic() + PATIENCE
    while ports.is_free(port, HOST):
        if has_ended() or time.monotonic() > deadline:
            return False
        await asyncio.sleep(PAUSE)
    return True


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
    private.write(file, json.dumps(content, indent=2) + "\n")
    return {"service": service.name, "host": HOST, "port": port, "launch": str(file)}
