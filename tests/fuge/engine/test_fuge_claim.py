"""One engine for a fuge.yml, what a crashed one leaves to the next, and the Python face."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from fuge_project import Project, eventually

from fuge import Client, Engine, FugeError, NotReadyError, NotRunningError
from fuge.engine.card import read_card
from fuge.engine.claim import Claim, sweep
from fuge.plan import config


def test_engine_in_python(project: Project) -> None:
    project.configure_with(project.server("db"), project.server("api", "depends_on: [db]"))

    async def use() -> None:
        async with Engine(project.file, isolated=True) as engine:
            outcomes = await engine.start(["api"])
            assert [(each["service"], each["status"]) for each in outcomes] == [("db", "running"), ("api", "running")]
            assert engine.info("api")["environment"]["DB_SERVICE_HOST"] == "127.0.0.1"
            assert {row["status"] for row in engine.ps()} == {"running"}
            assert engine.about()["pid"] == os.getpid()
            await engine.stop(["db"])
            assert engine.why("api")["depends_on"][0]["status"] == "stopped"
            with pytest.raises(FugeError, match="no service or group is called 'nobody'"):
                await engine.start(["nobody"])
        assert not project.marked()
        with pytest.raises(FugeError, match="about to end"):
            await engine.start()

    asyncio.run(use())
    assert not (project.folder / ".fuge" / "engine.json").exists()


def test_second_engine_is_refused_and_the_first_goes_on(project: Project) -> None:
    project.configure_with(project.sleeper("x"))

    async def use() -> None:
        async with Engine(project.file) as engine:
            await engine.start()
            with pytest.raises(FugeError, match=f"is running already, by pid {os.getpid()}"):
                await Engine(project.file).__aenter__()
            assert engine.ps()[0]["status"] == "running"

    asyncio.run(use())


def test_engine_that_is_left_by_an_error_stops_everything(project: Project) -> None:
    project.configure_with(project.sleeper("x"))

    async def use() -> None:
        async with Engine(project.file) as engine:
            await engine.start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(use())
    assert not project.marked()


def test_run_in_python(project: Project) -> None:
    project.script("job", "raise SystemExit(3)")
    project.configure_with(project.process("job"), project.process("gone"))

    async def use() -> None:
        async with Engine(project.file) as engine:
            assert await engine.run("job") == 3
            assert await engine.run("job") == 3
            with pytest.raises(NotReadyError, match=r"gone did not run: the folder .* does not exist"):
                await engine.run("gone")

    asyncio.run(use())


def test_what_a_crashed_engine_left_is_swept(project: Project) -> None:
    owner = "feedface"
    environment = project.environment | {"FUGE_RUN": f"{owner}-1"}
    words = [sys.executable, "-S", "-c", "import time; time.sleep(99)", project.mark]
    left = subprocess.Popen(words, env=environment)
    other = subprocess.Popen(words, env=project.environment)
    try:
        sweep({"owner": owner})
        assert left.wait(30) == -9
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("text", ["", "{", "5", "[]", '{"pid": "x"}', "\x00"])
def test_card_that_is_none_hinders_nobody(project: Project, text: str) -> None:
    project.configure_with(project.sleeper("x"))
    data = project.folder / ".fuge"
    data.mkdir()
    (data / "engine.json").write_text(text)
    with pytest.raises(NotRunningError):
        asyncio.run(Client(project.file).call("about"))
    claim = Claim(config.load(project.file))
    assert read_card(data)["pid"] == os.getpid()
    claim.release()


def test_socket_that_is_left_over_hinders_nobody(project: Project) -> None:
    project.configure_with(project.sleeper("x"))
    project.up()
    card = json.loads((project.folder / ".fuge" / "engine.json").read_text())
    engine = psutil.Process(card["pid"])
    engine.kill()
    eventually(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE)
    assert Path(card["socket"]).exists()
    with pytest.raises(NotRunningError, match="nothing runs for|has ended"):
        project.call("ps", words=[])
    project.up()
    project.down()
    assert not Path(card["socket"]).exists()
