"""The system in a folder, run by its own launcher on free ports: for the checks of exercises and for tests."""

import contextlib
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from workbook import ports, snapshots
from workbook.browser import Answer, request
from workbook.course import Recipe
from workbook.errors import WorkbookError
from workbook.terminal import Terminal, freeze

START = 30  # seconds within which every service must listen


class System:
    """`with System(source, recipe) as system:` starts run.py, waits until every service listens, and stops it.

    It runs in `folder`, a copy of the source files: the system there may be running at the same time.
    """

    def __init__(self, source: Path, recipe: Recipe) -> None:
        self.source = source
        self.ports = ports.free_ports(recipe.ports)

    def __enter__(self) -> Self:
        if not (self.source / "run.py").is_file():
            raise WorkbookError(f"there is no run.py in {self.source.name}/: it starts the system")
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            snapshots.write(snapshots.read(self.source), self.folder)
            self.terminal = Terminal("python run.py", self.folder, ports.environment(self.ports))
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
            while not self._find(service):
                if self.terminal.process.poll() is not None or time.monotonic() > deadline:
                    said = self.terminal.new_output().strip() or "nothing"
                    raise WorkbookError(f"{service} did not start to listen. The system said: {said}")
                time.sleep(0.02)

    def url(self, service: str, path: str = "") -> str:
        return f"http://{ports.HOST}:{self.ports[service]}{path}"

    def get(self, service: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        return request("GET", self.url(service, path), headers=headers)

    def post(self, service: str, path: str, **fields: str) -> Answer:
        return request("POST", self.url(service, path), fields=fields)

    def process(self, service: str) -> psutil.Process:
        """The process that runs a service."""
        found = self._find(service)
        if found is None:
            raise WorkbookError(f"{service} does not run")
        return found

    def listens(self, service: str) -> bool:
        """Whether a process of this system listens on the service's port."""
        return self._find(service) is not None

    def kill(self, service: str) -> None:
        """Take a service away at once, as a crash would, and wait until it is gone."""
        process = self.process(service)
        process.kill()
        process.wait(START)

    def pause(self, service: str) -> None:
        """Freeze a service: it accepts connections, and says nothing."""
        freeze(self.process(service))

    def resume(self, service: str) -> None:
        self.process(service).resume()

    def _find(self, service: str) -> psutil.Process | None:
        """The launcher or the descendant of it that listens on the service's port."""
        with contextlib.suppress(psutil.NoSuchProcess):
            launcher = psutil.Process(self.terminal.process.pid)
            for process in (launcher, *launcher.children(recursive=True)):
                listening = (c for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
                if any(connection.laddr[1] == self.ports[service] for connection in listening):
                    return process
        return None
