"""The services of a step as in production: production.py FOLDER STEP, in a network of its own (network_apart.py).

BIND serves the zone in FOLDER; each service has an address of its own, and its usual port. Prints as JSON what a
visitor gets.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import real_servers
from bind import bind

from workbook.browser import request

PLACES = {
    "mongo": ("10.96.0.10", 27017),
    "adder_service": ("10.96.0.11", 8080),
    "audit_service": ("10.96.0.12", 8081),
    "webapp": ("10.96.0.13", 3000),
}
PATIENCE = 30  # seconds


@contextmanager
def program(name: str, command: list[str], folder: Path) -> Iterator[None]:
    """Runs it with its own place in its environment, and nothing of others; from then on it listens."""
    host, port = PLACES[name]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"SERVICE_HOST": host, "SERVICE_PORT": str(port)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=sys.stderr) as process:
        try:
            until = time.monotonic() + PATIENCE
            while not answers(host, port):
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit(f"{name} does not listen at {host}:{port}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def mongod(folder: Path) -> list[str]:
    host, port = PLACES["mongo"]
    return [
        real_servers.mongod(),
        "--dbpath",
        str(folder),
        "--bind_ip",
        host,
        "--port",
        str(port),
        "--nounixsocket",
        "--quiet",
    ]


def visit() -> dict[str, Any]:
    webapp = "http://{}:{}".format(*PLACES["webapp"])
    answer = request("POST", f"{webapp}/add/calculate", {"first": "19", "second": "23"})
    until = time.monotonic() + PATIENCE
    while "19 + 23" not in (audit := request("GET", f"{webapp}/audit").text) and time.monotonic() < until:
        time.sleep(0.05)
    sums = re.findall(r"<output[^>]*>(.*?)</output>", answer.text)
    return {"status": answer.status, "sums": sums, "audit": re.findall(r"<td>(19 \+ 23)</td>\s*<td>(.*?)</td>", audit)}


def main(folder: str, step: str) -> dict[str, Any]:
    data = Path(folder, "data")
    data.mkdir()
    for host, _ in PLACES.values():
        subprocess.run(["ip", "address", "add", f"{host}/32", "dev", "lo"], check=True)
    with ExitStack() as running:
        running.enter_context(bind(folder))
        running.enter_context(program("mongo", mongod(data), data))
        for name in ("adder_service", "audit_service", "webapp"):
            running.enter_context(program(name, [sys.executable, "main.py"], Path(step, name)))
        return visit()


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
