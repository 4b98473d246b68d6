"""The system in a folder, run by its own launcher on free ports: for the checks of exercises and for tests."""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psutil

from concordant import resolve
from mu import Mu, tcp
from workbook import ports, snapshots
from workbook.browser import Answer, request
from workbook.course import Chapter
from workbook.errors import WorkbookError
from workbook.terminal import Terminal, freeze

START = 30  # seconds within which every service must listen
CONTAINERS = {"mongo", "redis"}
T = TypeVar("T")


class System:
    """`with System(source, chapter) as system:` starts run.py, waits until every service listens, and stops it.

    It runs in `folder`, a copy of the source files: the system there may be running at the same time. `engine`: what
    runs its containers, docker, path or wheel; fuge chooses if it is not said.
    """

    def __init__(self, source: Path, chapter: Chapter, engine: str = "") -> None:
        self.source = source
        self.environment = {"FUGE_ENGINE": engine} if engine else {}
        self.ports = ports.free_ports(chapter.ports)

    def __enter__(self) -> Self:
        if not (self.source / "run.py").is_file():
            raise WorkbookError(f"there is no run.py in {self.source.name}/: it starts the system")
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            snapshots.write(snapshots.read(self.source), self.folder)
            environment = ports.environment(self.ports) | self.environment
            self.terminal = Terminal("python run.py", self.folder, environment)
            stack.callback(self.terminal.press_ctrl_c)
            self._wait_until_listening()
            self._ending = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + START
        for service in self.ports:
            while not ports.answers(self.ports[service]):
                if self.terminal.process.poll() is not None or time.monotonic() > deadline:
                    said = self.terminal.new_output().strip() or "nothing"
                    raise WorkbookError(f"{service} did not start to listen. The system said: {said}")
                time.sleep(0.02)
        ours = self._listeners()
        for service in self.ports.keys() - CONTAINERS:
            if self.ports[service] not in ours:
                raise WorkbookError(f"another program than {service} listens on port {self.ports[service]}")

    def _wait_until_ended(self, service: str) -> None:
        deadline = time.monotonic() + START
        while self._row(service)["status"] == "running":
            if time.monotonic() > deadline:
                raise WorkbookError(f"{service} was killed, and {START} s later fuge still takes it for running")
            time.sleep(0.02)

    def _row(self, service: str) -> dict[str, Any]:
        """What fuge knows of a service."""
        rows: list[dict[str, Any]] = json.loads(self.fuge("ps", service, "--json"))
        return rows[0]

    def url(self, service: str, path: str = "") -> str:
        return f"http://{ports.HOST}:{self.ports[service]}{path}"

    def get(self, service: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        return request("GET", self.url(service, path), headers=headers)

    def post(self, service: str, path: str, **fields: str) -> Answer:
        return request("POST", self.url(service, path), fields=fields)

    def dispatch(self, service: str, **message: Any) -> Any:
        """What a service answers to a message, over TCP. Raises MuError."""

        async def answer() -> Any:
            mu = Mu()
            mu.outbound("*", tcp.client(host=ports.HOST, port=self.ports[service]))
            async with mu:
                return await mu.dispatch(message)

        return in_a_thread(answer())

    def find(self, name: str) -> list[str]:
        """Where the system's DNS says that something is, such as 127.0.0.1:8080. Raises ConcordantError."""
        settings = {"DNS_HOST": ports.HOST, "DNS_PORT": str(self.ports["dns"])}
        return [str(endpoint) for endpoint in in_a_thread(resolve(name, environment=settings))]

    def process(self, service: str) -> psutil.Process:
        """The process that runs a service."""
        found = self._find(service)
        if found is None and service in CONTAINERS:
            pid = self._row(service)["pid"]
            found = below_init(psutil.Process(pid)) if pid else None
        if found is None:
            raise WorkbookError(f"{service} does not run")
        return found

    def listens(self, service: str) -> bool:
        """Whether a process of this system listens on the service's port; a container may be beyond sight."""
        if not ports.answers(self.ports[service]):  # which is found out at once, unlike whose port it is
            return False
        return service in CONTAINERS or self._find(service) is not None

    def fuge(self, *words: str) -> str:
        """What a command of fuge prints about this system. Raises WorkbookError if it fails."""
        command = [sys.executable, "-m", "fuge", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise WorkbookError(f"fuge {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def kill(self, service: str) -> None:
        """Take a service away at once, as a crash would, and wait until it is gone."""
        process = self.process(service)
        process.kill()
        process.wait(START)
        if service in CONTAINERS:  # its engine says so a moment later
            self._wait_until_ended(service)

    def pause(self, service: str) -> None:
        """Freeze a service: it accepts connections, and says nothing."""
        freeze(self.process(service))

    def resume(self, service: str) -> None:
        self.process(service).resume()

    def _find(self, service: str) -> psutil.Process | None:
        return self._listeners().get(self.ports[service])

    def _listeners(self) -> dict[int, psutil.Process]:
        """The launcher and those of its descendants that listen, by their ports."""
        found: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            launcher = psutil.Process(self.terminal.process.pid)
            for process in (launcher, *launcher.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    for connection in process.net_connections("tcp"):
                        if connection.status == psutil.CONN_LISTEN:
                            found.setdefault(connection.laddr[1], process)
        return found


def in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Its result: an event loop of its own, since in the thread of a notebook's cells one runs already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work)).result()


def below_init(first: psutil.Process) -> psutil.Process:
    """The program of a container; its first process may only be there to start that and to collect orphans."""
    return next(iter(first.children()), first)
