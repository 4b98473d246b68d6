"""The book's system in Node, in a folder that its owner has made.

What is expected of the folder is what the chapter has made at its end: `fuge/fuge.yml` and the services that it names,
with their packages installed. Node's own fuge, fetched from npm, runs it as in the chapter: `fuge shell fuge/fuge.yml`,
then `start all`. Its ports are the chapter's: 3000 for the webapp, 8080 to 8082, and 53053 for DNS. Where its fuge.yml
says `run_containers: false`, since there is no Docker, MongoDB and Redis are started for it, at 27017 and 6379. Before
anything is measured, it has to calculate and to list that in its audit.

The chapter's code runs with what npm has today, but for this:
- mu-dns and mu-redis are not on npm: stand-ins are needed, which ask concordant once a minute, and use a Redis list for
  the requests (LPUSH and BRPOP of LIST_req) and one for each client's answers (LIST_res_ and the client's id).
- Handlers of mu 2.0.5, the newest there, are given the whole packet: wiring.js has to pass on its `pattern`.
- MongoDB from 5.1 on refuses the chapter's driver, mongodb@2; it takes 3.7.4, whose `connect` gives a client, so
  `client.db().collection(...)`, and `client.close()` after each call as in the chapter.
- Express as its generator of that time made it: express@4.16 with ejs@2.6, and no NODE_ENV, so nothing is cached.
"""

import contextlib
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import psutil
from mu_peers.pair import seconds_of
from peers import node_program
from running import Runner, running, say

from fuge import ports as machine
from workbook import ports

PATIENCE = 60.0  # seconds for it to answer first, and to become quiet after a load
QUIET = 0.02  # of a core
SERVICES = (3000, 8080, 8081, 8082)
DATABASES = (27017, 6379)
DNS = 53053
CONTAINERS = """
mongo:
  type: container
  image: mongo
  ports:
    - main=27017:27017
redis:
  type: container
  image: redis
  ports:
    - main=6379:6379
"""


class Node:
    def __init__(self, pid: int, url: str) -> None:
        self._pid, self.url = pid, url

    def settle(self) -> None:
        """Wait until it has worked off what a load has left behind."""
        deadline, before = time.monotonic() + PATIENCE, self._used()
        while time.monotonic() < deadline:
            time.sleep(0.5)
            now = self._used()
            if now - before < QUIET * 0.5:
                return
            before = now
        print(f"({PATIENCE:g} s after the load Node's system is still at work: what is measured next suffers from it)")

    def _used(self) -> float:
        processes = [psutil.Process(self._pid), *psutil.Process(self._pid).children(recursive=True)]
        return sum(seconds_of(process.pid) for process in processes)


@contextlib.contextmanager
def started(folder: Path, command: str, url: str) -> Iterator[Node]:
    config = folder / "fuge" / "fuge.yml"
    words = shlex.split(command) if command else shell_of_fuge()
    without_containers = config.is_file() and "run_containers: false" in config.read_text(encoding="utf-8")
    check_ports((*SERVICES, *DATABASES) if without_containers else SERVICES)
    with contextlib.ExitStack() as stack:
        if without_containers:
            stack.enter_context(containers())
        process = stack.enter_context(running(Runner("Node", words, True, "node"), folder))
        say(process, "start all")
        wait_for(url, folder)
        yield Node(process.pid, url)


def check_ports(needed: tuple[int, ...]) -> None:
    for port in needed:
        if ports.answers(port):
            sys.exit(f"port {port} is taken: {ports.holder(port) or 'by whom, cannot be seen'}")
    if stranger := machine.holder(DNS, "udp"):
        sys.exit(f"port {DNS} is taken, and DNS with it: {machine.describe(stranger)}")


def shell_of_fuge() -> list[str]:
    program = node_program("fuge", "2.0.2")
    if program is None:
        sys.exit("Node's fuge cannot be had: say what starts the system, with --node-command")
    return [str(program), "shell", "fuge/fuge.yml"]


@contextlib.contextmanager
def containers() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "fuge.yml").write_text(CONTAINERS, encoding="utf-8")
        ours = [sys.executable, "-m", "fuge"]
        subprocess.run([*ours, "up", "-d", "--wait"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            subprocess.run([*ours, "down"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def wait_for(url: str, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # its services start one after another, and calls may hang meanwhile
            if "5555" in page(url, b"first=1234&second=4321") and "1234 + 4321" in page(urljoin(url, "/audit")):
                return
        time.sleep(0.1)
    sys.exit(
        f"the system in {folder} does not calculate at {url}, or does not list that at /audit: "
        "`fuge shell fuge/fuge.yml` and `start all` there show why; see the docstring of system_peers/node.py"
    )


def page(url: str, form: bytes | None = None) -> str:
    with urllib.request.urlopen(url, form, timeout=5) as answer:
        text: str = answer.read().decode()
        return text
