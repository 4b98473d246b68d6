"""A Docker engine of our own, with the images that tests need: python tests/dockerd.py COMMAND ...

Runs the command with DOCKER_HOST set, ends the engine with all that it runs, and exits with the command's exit code.
Needs Linux, root, dockerd and iptables (Debian: apt-get install docker.io iptables).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import docker
import docker_images
import psutil

READY = 60  # seconds
STOPPED = 30  # seconds for an engine to stop its containers and itself


class Dockerd:
    """One engine, with its data and its socket in a folder of its own.

    `apart` gives it a network of its own, where it disturbs no other engine; nothing reaches its containers there.
    """

    def __init__(self, folder: Path, apart: bool = False) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/docker.sock"
        self._apart = apart
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Return when it answers. It can be started again after its end, with the same data."""
        for left in ("docker.pid", "docker.sock", "exec/containerd/containerd.pid"):  # by one that was killed
            (self.folder / left).unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._words(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + READY
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"dockerd does not start:\n{self.said()}")
            time.sleep(0.05)

    def _words(self) -> list[str]:
        at = [f"--{name}={self.folder / path}" for name, path in (("data-root", "data"), ("exec-root", "exec"))]
        words = ["dockerd", *at, f"--pidfile={self.folder}/docker.pid", f"--host={self.url}"]
        return ["unshare", "--net", *words, "--bridge=none", "--iptables=false"] if self._apart else words

    def _answers(self) -> bool:
        """It listens before it can answer, above all when it has to clean up first."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{self.folder}/docker.sock")
            connection.settimeout(READY)
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(100)
        return False

    def said(self) -> str:
        """The end of its log."""
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-15:])

    def client(self) -> Any:
        return docker.APIClient(base_url=self.url, version="auto")

    def signal(self, number: int) -> None:
        """Send it a signal; wait for its end if that is one to kill it."""
        assert self._process
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()

    def stop(self) -> None:
        """End it with its containers, and remove its data."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOPPED)
            self._process.kill()
            self._process.wait()
        for process in self._left():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for mount in sorted(self._mounts(), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(self.folder)

    def _left(self) -> list[psutil.Process]:
        """What an engine that was killed has left: containers, and the processes that hold them."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if str(self.folder) in " ".join(process.cmdline()):
                    found += [*process.children(recursive=True), process]
        return found

    def _mounts(self) -> list[str]:
        places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        return [place for place in places if place.startswith(f"{self.folder}/")]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def why_not() -> str:
    """Why no engine can be started here; empty if one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root can start one, on Linux"
    if shutil.which("dockerd") is None:
        return "dockerd is not installed"
    return ""


def neighbour() -> psutil.Process | None:
    """Another engine in this network, whose addresses and rules ours would disturb."""
    here = Path("/proc/self/ns/net").readlink()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name() == "dockerd" and Path(f"/proc/{process.pid}/ns/net").readlink() == here:
                return process
    return None


@contextmanager
def steady_addresses() -> Iterator[None]:
    """What comes up in this network meanwhile gives itself no IPv6 address, as the end of each container's cable would.

    Chromium breaks off what it loads, from this machine too, when the machine gets an address (ERR_NETWORK_CHANGED).
    """
    setting = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    if not os.access(setting, os.W_OK):  # a machine without IPv6, or one that is not ours to change
        yield
        return
    before = setting.read_text()
    setting.write_text("1")
    try:
        yield
    finally:
        setting.write_text(before)


def main(command: list[str]) -> int:
    if problem := why_not():
        raise SystemExit(f"no Docker engine: {problem}")
    if other := neighbour():
        raise SystemExit(f"a Docker engine runs already (pid {other.pid}): set DOCKER_HOST to it, or end it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    began = time.monotonic()
    with steady_addresses(), Dockerd(Path(tempfile.mkdtemp(prefix="dockerd-"))) as engine:
        client = engine.client()
        docker_images.make(client)
        info = client.info()
        client.close()
        print(
            f"Docker {info['ServerVersion']} ({info['Driver']}) with {', '.join(docker_images.IMAGES)}"
            f" at {engine.url} after {time.monotonic() - began:.1f} s",
            flush=True,
        )
        return subprocess.call(command, env=os.environ | {"DOCKER_HOST": engine.url})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
