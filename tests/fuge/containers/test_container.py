"""A container has the verbs of a process: output, exit code, stop; and nothing of it stays behind."""

import asyncio
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from container_place import Place
from docker_images import TINY
from helpers import wait_until

from fuge import ports
from fuge.errors import NoEngineError, NotReadyError
from fuge.plan.system import Port

STUBBORN = ("sh", "-c", 'trap "" TERM; echo up; while true; do sleep 1; done')
ROUNDS = 20


def no_stray_volumes(place: Place, before: set[str]) -> bool:
    """Others use the engine too: one of theirs may be seen just after its container has gone."""
    return wait_until(lambda: place.stray_volumes() <= before)


async def refused(place: Place, error: type[Exception] = NotReadyError, **more: Any) -> str:
    """Why a container cannot be started; nothing is left of it."""
    before = place.stray_volumes()
    async with place.connected() as engine:
        with pytest.raises(error) as caught:
            await place.start(engine, place.service(**more))
    assert place.containers() == []
    assert no_stray_volumes(place, before)
    return str(caught.value)


# Output and end --------------------------------------------------------------------------------------------------


async def test_output_and_exit_code(place: Place) -> None:
    assert await place.run("sh", "-c", "echo one; echo oops >&2; echo two; printf part; exit 3") == 3
    assert place.out == ["one", "two", "part"]
    assert place.err == ["oops"]
    assert place.containers() == []


async def test_end_by_a_signal(place: Place) -> None:
    assert await place.run("sh", "-c", "kill -INT $$") == -signal.SIGINT


async def test_exit_codes_that_look_like_signals_are_none(place: Place) -> None:
    assert await place.run("sh", "-c", "exit 255") == 255


async def test_much_output_is_whole_and_in_order(place: Place) -> None:
    code = await place.run("sh", "-c", "i=0; while [ $i -lt 50000 ]; do echo $i; i=$((i+1)); done")
    assert code == 0
    assert place.out == [str(number) for number in range(50_000)]


async def test_output_comes_as_it_is_written(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service("sh", "-c", "echo one; sleep 600"))
        await place.until_said("one")
        assert not container.ended.done()
        await container.stop(signal.SIGTERM, 5)


async def test_one_that_closes_its_output_is_not_over(place: Place) -> None:
    assert await place.run("sh", "-c", "exec >/dev/null 2>&1; sleep 0.5; exit 4") == 4


async def test_what_is_known_of_it(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service())
        [name] = place.containers()
        assert container.how == f"container {name}"
        assert name.endswith("-thing")
        assert time.time() - container.started < 30
        found = place.api.inspect_container(name)
        assert container.pid == found["State"]["Pid"]
        assert psutil.Process(container.pid).name() in ("docker-init", "tini", "sh")
        await container.stop(signal.SIGTERM, 5)


async def test_its_command_is_that_of_the_image_if_none_is_given(place: Place) -> None:
    async with place.connected() as engine:
        service = place.service()
        assert (await (await place.start(engine, service)).stop(signal.SIGTERM, 5)) is True
        container = await place.start(engine, type(service)(name="thing", type="container", image=TINY))
        assert await container.wait() == 0  # a shell without input
        await container.stop(signal.SIGTERM, 5)


# Stop ------------------------------------------------------------------------------------------------------------


async def test_stop(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service())
        assert await container.stop(signal.SIGTERM, 5) is True
        assert await container.wait() == -signal.SIGTERM
        assert place.containers() == []
        assert await container.stop(signal.SIGTERM, 5) is True


async def test_stop_by_the_signal_that_is_asked_for(place: Place) -> None:
    async with place.connected() as engine:
        catches = "trap 'echo interrupted; exit 7' INT; echo up; while true; do sleep 0.1; done"
        container = await place.start(engine, place.service("sh", "-c", catches))
        await place.until_said("up")
        assert await container.stop(signal.SIGINT, 5) is True
        assert await container.wait() == 7
        assert place.out == ["up", "interrupted"]


async def test_one_that_does_not_stop_is_killed(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service(*STUBBORN))
        await place.until_said("up")
        began = time.monotonic()
        assert await container.stop(signal.SIGTERM, 0.5) is False
        assert 0.5 <= time.monotonic() - began < 5
        assert await container.wait() == -signal.SIGKILL
        assert place.containers() == []


async def test_kill_in_the_midst_of_a_stop(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service(*STUBBORN))
        await place.until_said("up")
        stopping = asyncio.create_task(container.stop(signal.SIGTERM, 60))
        await asyncio.sleep(0.2)
        await container.stop(signal.SIGKILL, 0)
        async with asyncio.timeout(5):
            await stopping
        assert await container.wait() == -signal.SIGKILL
        assert place.containers() == []


async def test_stop_of_one_that_has_ended(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service("sh", "-c", "exit 2"))
        assert await container.wait() == 2
        assert len(place.containers()) == 1
        assert await container.stop(signal.SIGTERM, 5) is True
        assert place.containers() == []


async def test_stop_of_a_paused_one(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service())
        place.api.pause(container.id)
        assert await container.stop(signal.SIGTERM, 5) is True
        assert place.containers() == []


async def test_removed_by_somebody_else(place: Place) -> None:
    async with place.connected() as engine:
        container = await place.start(engine, place.service())
        place.api.remove_container(container.id, force=True)
        assert await container.wait() == -signal.SIGKILL
        assert await container.stop(signal.SIGTERM, 5) is True


async def test_all_its_processes_end(place: Place) -> None:
    async with place.connected() as engine:
        service = place.service("sh", "-c", "trap '' TERM; (trap '' TERM; sleep 600) & echo up; wait; sleep 600")
        container = await place.start(engine, service)
        await place.until_said("up")
        everything = [psutil.Process(container.pid), *psutil.Process(container.pid).children(recursive=True)]
        assert len(everything) == 3
        await container.stop(signal.SIGTERM, 0.2)
        assert wait_until(lambda: not any(process.is_running() for process in everything))


# Ports and environment -------------------------------------------------------------------------------------------


async def test_port_is_published_on_the_host_of_the_service(place: Place) -> None:
    number = ports.free(1)[0]
    async with place.connected() as engine:
        container = await place.start(engine, place.service(port=number, target=80))
        [published] = place.api.inspect_container(container.id)["NetworkSettings"]["Ports"]["80/tcp"]
        assert published == {"HostIp": "127.0.0.1", "HostPort": str(number)}
        await container.stop(signal.SIGTERM, 5)


async def test_host_may_be_a_name_and_a_port_be_the_same_inside(place: Place) -> None:
    number = ports.free(1)[0]
    async with place.connected() as engine:
        container = await place.start(engine, place.service(port=number, host="localhost"))
        published = place.api.inspect_container(container.id)["NetworkSettings"]["Ports"]
        assert published[f"{number}/tcp"][0]["HostIp"] in ("127.0.0.1", "::1")
        await container.stop(signal.SIGTERM, 5)


async def test_host_without_an_address(place: Place) -> None:
    problem = await refused(place, port=ports.free(1)[0], host="nowhere.invalid")
    assert problem.startswith("thing: its host nowhere.invalid has no address: ")


async def test_port_taken_by_a_process(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        problem = await refused(place, port=number, target=80)
    assert problem.startswith(f"port {number} (thing/main) is held by pid {os.getpid()} ")


async def test_port_taken_by_a_container(place: Place) -> None:
    number = ports.free(1)[0]
    async with place.connected() as engine:
        other = await place.start(engine, place.service(name="other", port=number, target=80))
        with pytest.raises(NotReadyError) as caught:
            await place.start(engine, place.service(port=number, target=80))
        [name] = place.containers()
        problem = str(caught.value)
        assert problem.startswith(f"port {number} (thing/main) is held by container {name} (image {TINY}); it may keep")
        await other.stop(signal.SIGTERM, 5)


async def test_several_ports_of_which_one_is_taken(place: Place) -> None:
    free, taken = ports.free(2)
    with socket.create_server(("127.0.0.1", taken)):
        problem = await refused(place, ports=(Port("main", free, 80), Port("admin", taken, 81)))
    assert problem.startswith(f"port {taken} (thing/admin) is held by pid {os.getpid()} ")
    assert ports.is_free(free)


async def test_environment(place: Place) -> None:
    service = place.service("env", port=ports.free(1)[0], target=80, environment={"MINE": "1", "ODD": "a=b\nc $X"})
    async with place.connected() as engine:
        environment = {"SERVICE_HOST": "127.0.0.1", "SERVICE_PORT": "9", "OTHER": "ü", **service.environment}
        container = await place.start(engine, service, environment)
        await container.wait()
        await container.stop(signal.SIGTERM, 5)
    assert {"SERVICE_HOST=0.0.0.0", "SERVICE_PORT=80", "OTHER=ü", "MINE=1", "ODD=a=b", "c $X"} <= {*place.out}


async def test_place_that_a_service_says_itself(place: Place) -> None:
    own = {"SERVICE_PORT": "70"}
    assert await place.run("env", port=ports.free(1)[0], target=80, environment=own) == 0
    assert "SERVICE_PORT=70" in place.out
    place.said.clear()
    assert await place.run("env", port=ports.free(1)[0], auto_generate_environment=False) == 0
    assert not [line for line in place.out if line.startswith("SERVICE_")]


# What cannot be started ------------------------------------------------------------------------------------------


async def test_image_that_is_not_there(place: Place) -> None:
    problem = await refused(place, NoEngineError, image="nobody/has-this")
    assert problem.endswith("has no image nobody/has-this: get it (docker pull nobody/has-this), or build it")


async def test_command_that_is_not_there(place: Place) -> None:
    """Its container starts: the first process in it is one that starts the command, as in `docker run --init`."""
    assert await place.run("nosuch", "x") == 127
    assert place.err[-1] == f"the image {TINY} has no command nosuch"
    assert place.containers() == []


async def test_refused_by_the_engine(place: Place) -> None:
    problem = await refused(place, volumes=("/proc:relative",))
    assert problem.startswith("thing: Docker ")
    assert f"refuses to start the image {TINY}: " in problem


# Volumes ---------------------------------------------------------------------------------------------------------


async def test_folder_is_relative_to_the_file_and_is_made(place: Place) -> None:
    (place.folder / "there").mkdir()
    (place.folder / "there" / "old").write_text("from outside")
    script = "cat /here/old; echo inside > /made/new"
    assert (
        await place.run("sh", "-c", script, volumes=("./there:/here:ro", "deep/er:/made", f"{place.folder}:/abs")) == 0
    )
    assert place.out == ["from outside"]
    assert (place.folder / "deep" / "er" / "new").read_text() == "inside\n"
    assert (place.folder / "deep").owner() == place.folder.owner()
    place.said.clear()
    assert await place.run("sh", "-c", "echo x > /here/new", volumes=("./there:/here:ro",)) == 2
    assert "Read-only" in place.err[0]


async def test_folder_of_this_user(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert await place.run("touch", "/mine/file", volumes=("~/data:/mine",)) == 0
    assert (tmp_path / "home" / "data" / "file").exists()


async def test_folder_that_cannot_be_made(place: Place) -> None:
    (place.folder / "file").write_text("")
    problem = await refused(place, volumes=("./file/data:/data",))
    expected = f"the folder {place.folder}/file/data is not there, and cannot be made: Not a directory"
    assert problem == f"thing: the volume ./file/data:/data cannot be used: {expected}"


async def test_named_volume_lives_on(place: Place, tmp_path: Path) -> None:
    write, read = ("sh", "-c", "echo kept > /data/file"), ("cat", "/data/file")
    assert await place.run(*write, volumes=("store:/data",)) == 0
    assert await place.run(*read, volumes=("store:/data",)) == 0
    assert place.out == ["kept"]
    [volume] = place.volumes()
    assert volume.endswith("-store")
    elsewhere = Place(tmp_path / place.folder.name, place.url)
    try:
        assert await elsewhere.run(*read, volumes=("store:/data",)) == 1
        assert elsewhere.volumes() != place.volumes()
    finally:
        elsewhere.close()


async def test_volume_without_a_name_goes_with_its_container(place: Place) -> None:
    before = place.stray_volumes()
    assert await place.run("touch", "/data/file", volumes=("/data",)) == 0
    assert no_stray_volumes(place, before)


# Kept ------------------------------------------------------------------------------------------------------------

COUNT = ("sh", "-c", "echo x >> /count; echo x >> /data/count; cat /count; echo; cat /data/count; sleep 600")


async def keep(place: Place, **more: Any) -> str:
    """Start and stop it. Returns what is said of how it was started."""
    place.said.clear()
    async with place.connected() as engine:
        container = await place.start(engine, place.service(*COUNT, keep=True, volumes=("/data",), **more))
        await place.until_said("")
        await asyncio.sleep(0.1)
        await container.stop(signal.SIGTERM, 5)
    assert len(place.containers()) == 1
    return container.how


async def test_kept_container_is_started_again(place: Place) -> None:
    first = await keep(place)
    assert place.out == ["x", "", "x"]
    assert await keep(place) == f"{first}, kept from before"
    assert place.out == ["x", "x", "", "x", "x"]


async def test_kept_container_with_other_settings_is_made_anew_with_its_volumes(place: Place) -> None:
    before = place.stray_volumes()
    first = await keep(place)
    [volume] = place.volumes_in_use()
    assert await keep(place, environment={"NEW": "1"}) == first
    assert place.out == ["x", "", "x", "x"]
    assert place.volumes_in_use() == [volume]
    assert no_stray_volumes(place, before)


async def test_kept_container_whose_successor_cannot_be_started(place: Place) -> None:
    first = await keep(place)
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with place.connected() as engine:
            service = place.service(keep=True, port=server.getsockname()[1])
            with pytest.raises(NotReadyError, match="is held by"):
                await place.start(engine, service)
    assert len(place.containers()) == 1
    assert await keep(place) == f"{first}, kept from before"
    assert place.out == ["x", "x", "", "x", "x"]


async def test_kept_container_of_a_run_that_was_killed(place: Place) -> None:
    """It still runs; the next run stops it, and starts it again."""
    async with place.connected() as engine:
        await place.start(engine, place.service(*COUNT, keep=True, volumes=("/data",)))
        await place.until_said("")
        place.owner = place.another_run()
        assert await engine.sweep(place.owner) == []
    assert (await keep(place)).endswith(", kept from before")
    assert place.out == ["x", "x", "", "x", "x"]


async def test_container_that_is_not_to_be_kept_any_more(place: Place) -> None:
    await keep(place)
    assert await place.run("env") == 0
    assert len(place.containers()) == 1  # its data may be wanted again


# Many times ------------------------------------------------------------------------------------------------------


async def test_rounds_leave_nothing(place: Place) -> None:
    """Neither containers nor volumes, files, threads or tasks."""
    number = ports.free(1)[0]
    service = place.service(port=number, target=80, volumes=("/data",))
    before = place.stray_volumes()
    async with place.connected() as engine:
        open_files, threads = [], []
        for _ in range(ROUNDS):
            container = await place.start(engine, service)
            await place.until_said("up")
            await container.stop(signal.SIGTERM, 5)
            place.said.clear()
            open_files.append(psutil.Process().num_fds())
            threads.append(threading.active_count())
        assert max(open_files) <= open_files[0]
        assert wait_until(lambda: threading.active_count() <= threads[0])
    assert place.containers() == []
    assert no_stray_volumes(place, before)
    assert ports.is_free(number)


async def test_several_at_once(place: Place) -> None:
    async with place.connected() as engine:
        services = [place.service("sh", "-c", f"echo {n}; sleep 600", name=f"thing{n}") for n in range(5)]
        containers = await asyncio.gather(*(place.start(engine, service) for service in services))
        await place.until_said(*"01234")
        assert len({container.pid for container in containers}) == len(place.containers()) == 5
        assert all(await asyncio.gather(*(container.stop(signal.SIGTERM, 5) for container in containers)))
    assert place.containers() == []


async def test_name_that_is_taken(place: Place, tmp_path: Path) -> None:
    """As by a project in another folder of the same name."""
    elsewhere = Place(tmp_path / "elsewhere" / place.folder.name, place.url)
    async with place.connected() as engine:
        one = await place.start(engine, place.service())
        other = await elsewhere.start(engine, elsewhere.service())
        assert other.how.startswith(f"{one.how}-")
        await asyncio.gather(one.stop(signal.SIGTERM, 5), other.stop(signal.SIGTERM, 5))
    assert place.containers() == elsewhere.containers() == []
    elsewhere.close()


@pytest.mark.parametrize("seconds", [0, *(round(random.Random(5).uniform(0, 0.4), 3) for _ in range(4))])
async def test_start_that_is_cancelled(place: Place, seconds: float) -> None:
    before = place.stray_volumes()
    async with place.connected() as engine:
        starting = asyncio.create_task(place.start(engine, place.service(volumes=("/data",))))
        await asyncio.wait([starting], timeout=seconds)
        if starting.done():
            await starting.result().stop(signal.SIGKILL, 0)
        else:
            starting.cancel()
            await asyncio.wait([starting])
            assert starting.cancelled()
    assert place.containers() == []
    assert no_stray_volumes(place, before)
