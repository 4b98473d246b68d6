"""The connection to a Docker engine: who answers, what it has, how an image is pulled, what is left from before."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker_images
import pytest
from container_place import Place
from dockerd import Dockerd
from image_registry import Registry

from fuge import ports
from fuge.errors import NoEngineError
from fuge.services.docker_engine import DockerEngine
from fuge.services.docker_sdk import CONNECT

SLACK = 1  # second more than the time in which an engine must answer


@contextmanager
def listening(path: Path, answer: bytes | None = None) -> Iterator[str]:
    """A socket that accepts connections and never answers them; or does so, with these bytes, for one."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    server.settimeout(10)
    words = [sys.executable, "-c", ANSWERER, str(server.fileno()), repr(answer)]
    answerer = subprocess.Popen(words, pass_fds=[server.fileno()]) if answer else None
    try:
        yield f"unix://{path}"
    finally:
        server.close()
        if answerer:
            answerer.kill()
            answerer.wait()


ANSWERER = """
import ast, socket, sys
server = socket.socket(fileno=int(sys.argv[1]))
while True:
    connection, _ = server.accept()
    if connection.recv(65536):
        connection.sendall(ast.literal_eval(sys.argv[2]))
    connection.close()
"""


async def refused(url: str) -> str:
    """Why no engine can be reached there; that is known in time."""
    began = time.monotonic()
    with pytest.raises(NoEngineError) as caught:
        await DockerEngine.connect(url)
    assert time.monotonic() < began + CONNECT + SLACK
    return str(caught.value)


# Connecting ------------------------------------------------------------------------------------------------------


async def test_tells_what_it_is(place: Place) -> None:
    async with place.connected() as engine:
        assert engine.name == f"Docker {place.api.version()['Version']}"
        assert engine.url == place.url


async def test_no_socket(tmp_path: Path) -> None:
    reason = await refused(f"unix://{tmp_path}/none.sock")
    assert reason.startswith(f"no Docker engine at unix://{tmp_path}/none.sock: there is no such socket; start Docker")


async def test_socket_of_an_engine_that_is_gone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/stale.sock")
    assert "nothing listens there; start Docker, or name another by DOCKER_HOST" in await refused(
        f"unix://{tmp_path}/stale.sock"
    )


async def test_tcp_that_is_refused() -> None:
    assert "nothing listens there" in await refused(f"tcp://127.0.0.1:{ports.free(1)[0]}")


async def test_host_that_is_unknown() -> None:
    assert "tcp://nowhere.invalid:2375: " in await refused("tcp://nowhere.invalid:2375")


async def test_socket_without_permission(tmp_path: Path) -> None:
    with listening(tmp_path / "docker.sock") as url:
        (tmp_path / "docker.sock").chmod(0)
        reason = await refused_as_nobody(url) if os.geteuid() == 0 else await refused(url)
    assert reason.startswith(f"you may not use the Docker engine at {url}: join the group docker (sudo usermod -aG")


async def refused_as_nobody(url: str) -> str:
    import docker  # noqa: F401  (which nobody may not read here)

    os.seteuid(65534)
    try:
        return await refused(url)
    finally:
        os.seteuid(0)


async def test_engine_that_does_not_answer(tmp_path: Path) -> None:
    """And fuge does other things meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with listening(tmp_path / "docker.sock") as url:
        reason = await refused(url)
    ticking.cancel()
    assert (
        reason == f"the Docker engine at {url} does not answer within 2 s: restart it (sudo systemctl restart docker)"
    )
    assert ticks > 50


async def test_real_engine_that_hangs(apart: Dockerd) -> None:
    apart.signal(signal.SIGSTOP)
    assert "does not answer within 2 s" in await refused(apart.url)
    apart.signal(signal.SIGCONT)
    (await DockerEngine.connect(apart.url)).close()


async def test_something_else_listens(tmp_path: Path) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"
    with listening(tmp_path / "other.sock", page) as url:
        assert (await refused(url)).startswith(f"no Docker engine at {url}: ")


@pytest.mark.parametrize("url", ["docker", "http://", "ssh://me@127.0.0.1", "npipe:////./pipe/docker"])
async def test_address_that_is_none(url: str) -> None:
    assert (await refused(url)).startswith(f"no Docker engine at {url}: ")


async def test_the_sdk_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    assert "pip install docker (it is in the extra `containers`)" in await refused("unix:///var/run/docker.sock")


def test_the_sdk_is_loaded_for_a_connection_only() -> None:
    code = "import sys, fuge.services.container; print('docker' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# Images ----------------------------------------------------------------------------------------------------------


async def test_has_an_image(place: Place) -> None:
    async with place.connected() as engine:
        assert await engine.has(docker_images.TINY)
        assert await engine.has(f"{docker_images.TINY}:latest")
        assert not await engine.has(f"{docker_images.TINY}:other")
        assert not await engine.has("nobody/has-this")
        with pytest.raises(NoEngineError, match="cannot look for the image Not Valid: "):
            await engine.has("Not Valid")


async def test_pull_shows_how_far_it_is(place: Place) -> None:
    said: list[str] = []
    async with place.connected() as engine:
        with Registry(pause=0.05) as registry:
            await engine.pull(registry.image, said.append)
            assert await engine.has(registry.image)
            place.api.remove_image(registry.image)
            assert said[0] == f"pulling {registry.image}"
            assert any(line.startswith(f"pulling {registry.image}: 0 of 1 layers, ") for line in said)
            assert [line for line in said if line.endswith(" of 3.0 MB")]
            assert len(said) == len(set(said)) < 10


async def test_pull_of_an_image_that_is_not_there(place: Place) -> None:
    async with place.connected() as engine:
        with Registry() as registry, pytest.raises(NoEngineError) as caught:
            await engine.pull(f"{registry.address}/other", print)
    text = str(caught.value)
    assert text.startswith(f"{engine.name} has no image {registry.address}/other, and it cannot be pulled: ")
    assert "manifest unknown" in text
    assert f"build it (docker build -t {registry.address}/other FOLDER)" in text


async def test_pull_from_a_registry_that_cannot_be_reached(place: Place) -> None:
    image = f"127.0.0.1:{ports.free(1)[0]}/thing"
    async with place.connected() as engine:
        with pytest.raises(NoEngineError, match=f"has no image {image}, and it cannot be pulled: .*refused; try"):
            await engine.pull(image, print)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK leaves the socket open
async def test_pull_that_is_cancelled(place: Place) -> None:
    """It returns at once, and the engine gives up as well."""
    begun = asyncio.Event()
    async with place.connected() as engine:
        with Registry(pause=0.3) as registry:
            pulling = asyncio.create_task(engine.pull(registry.image, lambda _: begun.set()))
            await begun.wait()
            await asyncio.sleep(0.5)
            began = time.monotonic()
            pulling.cancel()
            await asyncio.wait([pulling])
            assert time.monotonic() < began + 0.2
            assert await asyncio.to_thread(registry.given_up.wait, 10)
            assert not await engine.has(registry.image)


# What is left ----------------------------------------------------------------------------------------------------


async def test_sweep_removes_what_an_earlier_run_has_left(place: Place, tmp_path: Path) -> None:
    async with place.connected() as engine:
        await place.start(engine, place.service(name="one"))
        await place.start(engine, place.service("env", name="two"))
        await place.start(engine, place.service(name="kept", keep=True))
        elsewhere = Place(tmp_path / "elsewhere", place.url)
        try:
            await elsewhere.start(engine, elsewhere.service(name="other"))
            stranger = place.api.create_container(docker_images.TINY, ["sh"])["Id"]
            assert await engine.sweep(place.owner) == []
            removed = await engine.sweep(place.another_run())
            assert sorted(name.rpartition("-")[2] for name in removed) == ["one", "two"]
            [left] = place.containers()
            assert left.endswith("-kept")
            assert not place.api.inspect_container(left)["State"]["Running"]
            assert len(elsewhere.containers()) == 1
            assert await engine.sweep(place.another_run()) == []
            place.api.remove_container(stranger)
        finally:
            elsewhere.close()


async def test_holder_of_a_port(place: Place) -> None:
    one, other = ports.free(2)
    async with place.connected() as engine:
        container = await place.start(engine, place.service(port=one, target=80))
        [name] = place.containers()
        assert await engine.holder(one) == f"container {name} (image {docker_images.TINY})"
        assert await engine.holder(other) == ""
        await container.stop(signal.SIGKILL, 0)


async def test_call_has_its_time(apart: Dockerd) -> None:
    engine = await DockerEngine.connect(apart.url)
    apart.signal(signal.SIGSTOP)
    with pytest.raises(NoEngineError, match="does not answer within 0.2 s"):
        await engine.call(lambda api: api.version(), 0.2)
    apart.signal(signal.SIGCONT)
    assert (await engine.call(lambda api: api.version()))["Version"] in engine.name
    engine.close()
