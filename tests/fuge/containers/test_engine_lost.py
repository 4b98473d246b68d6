"""The engine is killed, hangs or is started again while its containers run."""

import asyncio
import random
import signal
import time

import pytest
from container_place import Place
from dockerd import Dockerd

from fuge.errors import NoEngineError, NotReadyError
from fuge.services.container import ABSENCE, PATIENCE
from fuge.services.docker_engine import DockerEngine
from fuge.services.engines import Engines

SLACK = 3  # seconds on a busy machine
# The SDK forgets to close a socket whose connection is refused, which may happen just after fuge has looked at it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


async def test_killed_for_good(place_apart: Place, apart: Dockerd) -> None:
    """That is known after a while in which it could have come back; a stop is still possible, and says what is left."""
    async with place_apart.connected() as engine:
        container = await place_apart.start(engine, place_apart.service())
        await place_apart.until_said("up")
        apart.signal(signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(
            NoEngineError, match=f"no Docker engine at {apart.url}: nothing listens there; start Docker"
        ):
            await container.wait()
        assert ABSENCE <= time.monotonic() - began < ABSENCE + SLACK
        assert await container.stop(signal.SIGTERM, 5) is True
        [said] = place_apart.err
        assert said.endswith(f"; if {container.how} is still there, the next start removes it")
        with pytest.raises(NoEngineError, match="nothing listens there"):
            await place_apart.start(engine, place_apart.service())

        apart.start()  # the same run of fuge goes on
        assert len(place_apart.containers()) == 1
        again = await place_apart.start(engine, place_apart.service())
        assert len(place_apart.containers()) == 1
        assert again.how == container.how
        assert await again.stop(signal.SIGTERM, 5) is True
        assert place_apart.containers() == []


async def test_started_again_between_two_questions(apart: Dockerd) -> None:
    engines = Engines(apart.url)
    try:
        assert await engines.has("example.org/none") is False
        apart.signal(signal.SIGKILL)
        with pytest.raises(NoEngineError, match="nothing listens there"):
            await engines.has("example.org/none")
        apart.start()
        assert await engines.has("example.org/none") is False
    finally:
        engines.close()


async def test_stopped_while_the_engine_is_away(place_apart: Place, apart: Dockerd) -> None:
    """It is not waited for; whoever waits for the end is told why there is none."""
    async with place_apart.connected() as engine:
        container = await place_apart.start(engine, place_apart.service())
        waiting = asyncio.create_task(container.wait())
        apart.signal(signal.SIGKILL)
        began = time.monotonic()
        await container.stop(signal.SIGTERM, 5)
        assert time.monotonic() - began < SLACK
        with pytest.raises(NoEngineError):
            await waiting


async def test_killed_and_started_again(place_apart: Place, apart: Dockerd) -> None:
    """Its containers have ended then; they are known to, and are removed."""
    async with place_apart.connected() as engine:
        container = await place_apart.start(engine, place_apart.service())
        apart.signal(signal.SIGKILL)
        await asyncio.to_thread(apart.start)
        async with asyncio.timeout(ABSENCE + SLACK):
            assert await container.wait() != 0
        await container.stop(signal.SIGTERM, 5)
        assert place_apart.containers() == []
        assert await place_apart.run("sh", "-c", "exit 4") == 4


async def test_stopped_for_good(place_apart: Place, apart: Dockerd, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops its containers as well, but does not tell any more how they ended."""
    monkeypatch.setattr("fuge.services.container.ABSENCE", 0.5)
    async with place_apart.connected() as engine:
        container = await place_apart.start(engine, place_apart.service())
        await place_apart.until_said("up")
        apart.signal(signal.SIGTERM)
        with pytest.raises(NoEngineError, match="there is no such socket"):
            await container.wait()
        await container.stop(signal.SIGTERM, 5)


async def test_kept_container_outlives_the_engine(place_apart: Place, apart: Dockerd) -> None:
    async with place_apart.connected() as engine:
        service = place_apart.service("sh", "-c", "echo x >> /file; cat /file; sleep 600", keep=True)
        container = await place_apart.start(engine, service)
        await place_apart.until_said("x")
        apart.signal(signal.SIGKILL)
        await container.stop(signal.SIGTERM, 5)
        await asyncio.to_thread(apart.start)
        again = await place_apart.start(engine, service)
        await again.stop(signal.SIGTERM, 5)
        assert again.how == f"{container.how}, kept from before"
        assert place_apart.out == ["x", "x", "x"]


async def test_killed_while_containers_are_started(place_apart: Place, apart: Dockerd) -> None:
    """At moments that nobody has chosen; what was made by then is removed when the engine is back."""
    moments = random.Random(11)
    async with place_apart.connected() as engine:
        for _ in range(3):
            starting = [
                asyncio.create_task(place_apart.start(engine, place_apart.service(name=f"thing{n}"))) for n in range(3)
            ]
            await asyncio.wait(starting, timeout=moments.uniform(0.05, 0.6))
            apart.signal(signal.SIGKILL)
            for result in await asyncio.gather(*starting, return_exceptions=True):
                if isinstance(result, BaseException):
                    assert isinstance(result, NoEngineError | NotReadyError)
                else:
                    await result.stop(signal.SIGKILL, 0)
            await asyncio.to_thread(apart.start)
        await (await place_apart.start(engine, place_apart.service())).stop(signal.SIGTERM, 5)
        assert place_apart.containers() == []


async def test_hangs_while_a_container_is_stopped(place_apart: Place, apart: Dockerd) -> None:
    """That takes no longer than the time it has to pass on a signal; what is left goes when it answers again."""
    async with place_apart.connected() as engine:
        container = await place_apart.start(engine, place_apart.service())
        await place_apart.until_said("up")
        apart.signal(signal.SIGSTOP)
        began = time.monotonic()
        await container.stop(signal.SIGTERM, 1)
        assert time.monotonic() - began < PATIENCE + SLACK
        with pytest.raises(NoEngineError, match=f"does not answer within {PATIENCE} s"):
            await container.wait()
        apart.signal(signal.SIGCONT)
        other = await place_apart.start(engine, place_apart.service())
        await other.stop(signal.SIGTERM, 5)
        assert place_apart.containers() == []


async def test_hangs_while_a_container_is_started(place_apart: Place, apart: Dockerd) -> None:
    """A start that is given up then is not made up for when the engine answers again."""
    async with place_apart.connected() as engine:
        apart.signal(signal.SIGSTOP)
        starting = asyncio.create_task(place_apart.start(engine, place_apart.service()))
        await asyncio.wait([starting], timeout=0.5)
        began = time.monotonic()
        starting.cancel()
        await asyncio.wait([starting])
        assert time.monotonic() - began < PATIENCE + SLACK
        apart.signal(signal.SIGCONT)
        await asyncio.sleep(2)
        assert place_apart.containers() == []


async def test_another_connection_after_the_engine_was_away(place_apart: Place, apart: Dockerd) -> None:
    """As fuge makes one; what was lost by the old one is removed by the new."""
    async with place_apart.connected() as engine:
        container = await place_apart.start(engine, place_apart.service())
        apart.signal(signal.SIGKILL)
        await container.stop(signal.SIGTERM, 0)
    await asyncio.to_thread(apart.start)
    async with place_apart.connected() as engine:
        assert isinstance(engine, DockerEngine)
        other = await place_apart.start(engine, place_apart.service(name="other"))
        assert len(place_apart.containers()) == 1
        await other.stop(signal.SIGTERM, 5)
