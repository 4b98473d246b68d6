"""A Docker Swarm of several machines: each an engine in a network of its own, and a cable from each to a switch.

Needs what `dockerd.py` needs, and iproute2.
"""

import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dockerd
from dockerd import Dockerd
from helpers import wait_until

NETWORK = "10.77.0"
PORT = 2377  # of Swarm's managers


def why_not() -> str:
    """Why there can be none here; empty if there can."""
    missing = next((each for each in ("ip", "nsenter", "docker") if shutil.which(each) is None), "")
    return dockerd.why_not() or (f"there is no {missing}" if missing else "")


class Switch:
    """A network of its own that joins others: what an engine of this machine forbids does not matter there.

    This machine is in it, too, with the address NETWORK.1.
    """

    def __init__(self, word: str) -> None:
        self.network, self._cable = f"{word}s", f"{word}r"

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.network)
        run("ip", "-n", self.network, "link", "add", "switch", "type", "bridge")
        run("ip", "-n", self.network, "link", "set", "switch", "up")
        run("ip", "link", "add", self._cable, "type", "veth", "peer", "name", "root", "netns", self.network)
        run("ip", "-n", self.network, "link", "set", "root", "master", "switch", "up")
        run("ip", "address", "add", f"{NETWORK}.1/24", "dev", self._cable)
        run("ip", "link", "set", self._cable, "up")
        return self

    def plug(self, network: str, name: str) -> None:
        """A cable to the device eth0 of another network."""
        end = ["type", "veth", "peer", "name", "eth0", "netns", network]
        run("ip", "-n", self.network, "link", "add", name, *end)
        run("ip", "-n", self.network, "link", "set", name, "master", "switch", "up")

    def __exit__(self, *_: object) -> None:
        run("ip", "netns", "delete", self.network)


class Node(Dockerd):
    """One machine: its network, its host name, its engine."""

    def __init__(self, folder: Path, number: int, switch: Switch) -> None:
        super().__init__(folder)
        self.name = f"node{number}"
        self.address = f"{NETWORK}.{10 + number}"
        self.network = f"{switch.network}{number}"
        self._switch = switch

    def start(self) -> None:
        run("ip", "netns", "add", self.network)
        self._switch.plug(self.network, self.name)
        inside = ("ip", "-n", self.network)
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", "default", "via", f"{NETWORK}.1")
        super().start()

    def _words(self) -> list[str]:
        """Not by `ip netns exec`, which mounts /sys anew and hides the control groups."""
        script = f'hostname {self.name}; exec "$@"'
        place = ["nsenter", f"--net=/run/netns/{self.network}", "unshare", "--uts", "sh", "-c", script, "sh"]
        return [*place, *super()._words()]

    def stop(self) -> None:
        super().stop()
        run("ip", "netns", "delete", self.network)


class Swarm:
    """`with Swarm() as swarm:` two nodes, of which the first is the manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.nodes: list[Node] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            switch = stack.enter_context(Switch(f"f{uuid.uuid4().hex[:6]}"))  # devices have names of 15 letters at most
            for number in (1, 2):
                folder = Path(tempfile.mkdtemp(prefix="dockerd-"))
                self.nodes.append(stack.enter_context(Node(folder, number, switch)))
            self._join()
            self._stack = stack.pop_all()
        return self

    def _join(self) -> None:
        first, *others = self.nodes
        with client(first) as manager:
            manager.init_swarm(advertise_addr=first.address, listen_addr=f"{first.address}:{PORT}")
            token = manager.inspect_swarm()["JoinTokens"]["Worker"]
            for node in others:
                with client(node) as worker:
                    worker.join_swarm([f"{first.address}:{PORT}"], token, advertise_addr=node.address)

    def give(self, *images: str) -> None:
        """Images of the first node to all others."""
        first, *others = self.nodes
        with tempfile.TemporaryFile() as file:
            subprocess.run(["docker", "--host", first.url, "save", *images], stdout=file, check=True)
            for node in others:
                file.seek(0)
                command = ["docker", "--host", node.url, "load", "--quiet"]
                subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, check=True)

    def docker(self, *words: str) -> str:
        """The docker command, about the manager."""
        command = ["docker", "--host", self.nodes[0].url, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done}"
        return done.stdout

    def tasks(self, stack: str) -> list[tuple[str, str, str]]:
        """Of each task that shall run: its service, its node, and its state."""
        template = "{{.Name}} {{.Node}} {{.CurrentState}}"
        lines = self.docker("stack", "ps", "--filter", "desired-state=running", "--format", template, stack)
        found = [line.split()[:3] for line in lines.splitlines()]
        return sorted((name.removeprefix(f"{stack}_").partition(".")[0], node, state) for name, node, state in found)

    def remove(self, stack: str) -> None:
        """`stack rm` returns before the end of what it ends."""
        self.docker("stack", "rm", stack)
        for node in self.nodes:
            with client(node) as api:
                label = {"label": f"com.docker.stack.namespace={stack}"}
                assert wait_until(lambda api=api, label=label: not api.containers(filters=label))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


@contextmanager
def client(node: Node) -> Iterator[Any]:
    """A connection of Docker's SDK, for as long as it is used."""
    api = node.client()
    try:
        yield api
    finally:
        api.close()


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
