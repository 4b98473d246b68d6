"""How an engine looks whether a service is ready, by commands in its container: engines of Docker have no other way."""

import re
import shlex

from fuge.export.units import Unit, is_python
from fuge.plan.system import Service
from fuge.services.servers import known

PATIENCE = 3  # seconds for one look
TCP = "import socket; socket.create_connection(('127.0.0.1', {port}), 2).close()"
HTTP = (
    "import http.client, sys; asked = http.client.HTTPConnection('127.0.0.1', {port}, timeout=2);"
    " asked.request('GET', {path!r}); sys.exit(not 200 <= asked.getresponse().status < 400)"
)


def port(service: Service) -> int:
    """The number of the port that is asked; 0 if none is."""
    ready = service.readiness
    found = service.port(ready.what if ready.kind == "tcp" else ready.port)
    return found.number if found else 0


def command(unit: Unit) -> list[str] | None:
    """In the form of Docker's health checks. None if it is ready at once, or nothing is known that could look there."""
    service = unit.service
    match service.readiness.kind:
        case "exec":
            return ["CMD-SHELL", service.readiness.what]
        case "tcp" if unit.is_built and is_python(service):
            return ["CMD", shlex.split(service.run)[0], "-c", TCP.format(port=port(service))]
        case "http" if unit.is_built and is_python(service):
            look = HTTP.format(port=port(service), path=service.readiness.what)
            return ["CMD", shlex.split(service.run)[0], "-c", look]
        case "tcp" if known(service.image):
            if re.search(":.*alpine", service.image):  # which has no bash
                return ["CMD", "nc", "-z", "127.0.0.1", str(port(service))]
            return ["CMD", "bash", "-c", f"</dev/tcp/127.0.0.1/{port(service)}"]
    return None


def is_blind(unit: Unit) -> bool:
    """Whether it should be looked at, and cannot be."""
    return unit.service.readiness.kind in ("tcp", "http") and command(unit) is None
