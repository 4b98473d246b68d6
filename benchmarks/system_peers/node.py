"""The book's system in Node, in a folder that its owner has made.

What is expected of the folder is what the chapter has made at its end: `fuge/fuge.yml`, the services with their
packages installed, and the webapp at port 3000. Node's own fuge runs it, as in the chapter: `fuge shell fuge/fuge.yml`,
then `start all`. Where its fuge.yml says `run_containers: false`, since there is no Docker, MongoDB and Redis are
started for it, at 27017 and 6379.
"""

import contextlib
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
from mu_peers.pair import seconds_of
from peers import node_program
from running import Runner, running, say

from workbook import ports

PATIENCE = 60.0  # seconds for it to answer first, and to become quiet after a load
QUIET = 0.02  # of a core
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

    def _used(self) -> float:
        processes = [psutil.Process(self._pid), *psutil.Process(self._pid).children(recursive=True)]
        return sum(seconds_of(process.pid) for process in processes)


@contextlib.contextmanager
def started(folder: Path, command: str, url: str) -> Iterator[Node]:
    config = folder / "fuge" / "fuge.yml"
    words = shlex.split(command) if command else shell_of_fuge()
    if port_of_a_stranger := next((port for port in (3000, 8080, 8081, 8082) if ports.answers(port)), 0):
        sys.exit(f"port {port_of_a_stranger} is taken: {ports.holder(port_of_a_stranger) or 'by whom, cannot be seen'}")
    with contextlib.ExitStack() as stack:
        if config.is_file() and "run_containers: false" in config.read_text(encoding="utf-8"):
            stack.enter_context(containers())
        process = stack.enter_context(running(Runner("Node", words, True, "node"), folder))
        say(process, "start all")
        wait_for(url.rpartition("/")[0], folder)
        yield Node(process.pid, url)


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
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.1)
    sys.exit(f"the system in {folder} does not answer at {url}")
