"""What only a Docker engine can do or refuse, by the real program; the rest is in test_container_services."""

import random
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker_images
import pytest
from container_place import LABEL
from fuge_project import Project, eventually

from fuge import ports

MOMENTS = [round(random.Random(7).uniform(0, 2), 3) for _ in range(5)]  # seconds after the beginning of a start
SHELL = docker_images.TINY


class System(Project):
    """A project whose containers run on an engine, with a look into that."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.environment["DOCKER_HOST"] = url
        self.environment.pop("FUGE_ENGINE", None)
        self.api = docker.APIClient(base_url=url, version="auto")
        docker_images.make(self.api, SHELL)

    def container(self, name: str, image: str, *more: str) -> str:
        """The lines of a service for a fuge.yml."""
        return "\n".join([f"{name}:", "  type: container", f"  image: {image}", *(f"  {line}" for line in more)])

    def found(self) -> dict[str, dict[str, Any]]:
        """The project's containers in the engine, by service."""
        filters = {"label": f"{LABEL}={self.folder}/.fuge"}
        return {each["Labels"]["fuge.service"]: each for each in self.api.containers(all=True, filters=filters)}

    def close(self) -> None:
        super().close()
        for each in self.found().values():
            self.api.remove_container(each["Id"], force=True, v=True)
        for volume in self.api.volumes(filters={"label": f"{LABEL}={self.folder}/.fuge"})["Volumes"] or ():
            self.api.remove_volume(volume["Name"])
        self.api.close()


@pytest.fixture
def system(tmp_path: Path, url: str) -> Iterator[System]:
    made = System(tmp_path, url)
    yield made
    made.close()


def ask(port: int, *words: str) -> str:
    """What a Redis server answers."""
    request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request.encode())
        return connection.recv(1000).decode()


def test_arguments_environment_and_another_port(system: System) -> None:
    declared, given = ports.free(2)
    system.configure_with(
        system.container("redis", "redis", f"ports: [main={declared}:6379]", "args: [--requirepass, secret]"),
        system.container(
            "shell", SHELL, "args: sh -c 'echo $REDIS_SERVICE_PORT $MINE; sleep 600'", "environment: [MINE=1]"
        ),
    )
    system.ok("--port", f"redis={given}", "up", "-d", "--wait")
    assert ask(given, "PING").startswith("-NOAUTH")
    assert ask(given, "AUTH", "secret") == "+OK\r\n"
    eventually(lambda: f"{given} 1" in system.ok("logs", "shell").out)
    system.down()


def test_kept_container(system: System) -> None:
    port = ports.free(1)[0]
    system.configure_with(
        system.container("redis", "redis", f"ports: [main={port}:6379]", "args: --appendonly yes", "keep: true")
    )
    system.up()
    assert ask(port, "SET", "key", "value") == "+OK\r\n"
    system.down()
    [left] = system.found().values()
    assert left["State"] == "exited"
    system.up()
    assert ask(port, "GET", "key") == "$5\r\nvalue\r\n"
    assert "kept from before" in system.ok("info", "redis").out
    system.down()


def test_end_with_an_exit_code(system: System) -> None:
    system.configure_with(
        system.container("shell", SHELL, "args: sh -c 'echo no luck; exit 3'", "readiness: {log: never}")
    )
    done = system.fuge("up", "-d", "--wait")
    assert done.code == 4
    assert "shell: ended with exit code 3" in done.out + done.err
    assert "no luck" in system.ok("why", "shell").out
    assert system.found() == {}
    system.down()


def test_command_that_is_not_there(system: System) -> None:
    system.configure_with(system.container("shell", SHELL, "args: nosuch", "readiness: {log: never}"))
    assert system.fuge("up", "-d", "--wait").code == 4
    assert f"the image {SHELL} has no command nosuch" in system.ok("why", "shell").out
    assert system.found() == {}
    system.down()


def test_image_that_cannot_be_had(system: System) -> None:
    image = f"127.0.0.1:{ports.free(1)[0]}/nobody/has"
    system.configure_with(system.container("thing", image))
    done = system.fuge("up", "-d", "--wait")
    assert done.code == 3
    assert f"has no image {image}, and it cannot be pulled: " in done.out + done.err
    system.down()


def test_port_taken_by_a_container(system: System) -> None:
    port = ports.free(1)[0]
    host = {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}}
    other = system.api.create_container(SHELL, ["sleep", "600"], ports=[80], host_config=host, name=system.mark)["Id"]
    system.api.start(other)
    try:
        system.configure_with(system.container("redis", "redis", f"ports: [main={port}:6379]"))
        done = system.fuge("up", "-d", "--wait")
    finally:
        system.api.remove_container(other, force=True)
    assert done.code == 4
    assert f"port {port} (redis/main) is held by container {system.mark} (image {SHELL})" in done.out + done.err
    assert system.found() == {}
    system.down()


def test_killed_fuge_leaves_containers_to_the_next_start(system: System) -> None:
    """Killed at moments of a start that nobody has chosen; the next start removes what is there, and is a clean one."""
    port = ports.free(1)[0]
    system.configure_with(
        system.container("redis", "redis", f"ports: [main={port}:6379]"),
        system.container("shell", SHELL, "args: sh -c 'echo up; sleep 600'"),
        system.sleeper("plain", "depends_on: [redis]"),
    )
    for moment in MOMENTS:
        engine = system.begin("up")
        time.sleep(moment)
        engine.kill()
        engine.wait()
        eventually(lambda: not system.marked())
    system.ok("up", "-d", "--wait")
    assert {name: each["State"] for name, each in system.found().items()} == {"redis": "running", "shell": "running"}
    assert len(system.api.containers(all=True, filters={"label": f"{LABEL}={system.folder}/.fuge"})) == 2
    assert ask(port, "PING") == "+PONG\r\n"
    system.down()
    assert system.found() == {}


def test_two_ctrl_c_end_one_that_does_not_stop(system: System) -> None:
    script = """args: sh -c 'trap "" TERM; echo up; while true; do sleep 1; done'"""
    system.configure_with(system.container("shell", SHELL, script, "grace_period: 60"))
    engine = system.begin("up")
    system.await_event("shell", "ready")
    engine.send_signal(signal.SIGINT)
    system.await_event("shell", "stopping")
    engine.send_signal(signal.SIGINT)
    engine.wait(10)
    assert system.found() == {}
