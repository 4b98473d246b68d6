"""The servers that take the place of containers: which images they are for, their command lines, their data."""

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fuge_project import free_ports
from real_servers import redis_reply

from fuge.plan.system import Port, Service
from fuge.services import programs, servers
from fuge.services.launcher import Launcher
from fuge.services.process import until
from fuge.services.servers import ServerProcess, known

MONGO, REDIS = known("mongo"), known("redis")
ANYWHERE = "0.0.0.0"  # noqa: S104
assert MONGO
assert REDIS


def container(image: str, *args: str, port: int = 4000, **more: object) -> Service:
    fields = {"name": "store", "image": image, "args": args, "ports": (Port("main", port),)}
    return Service(type="container", **(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "server"),
    [
        ("mongo", MONGO),
        ("mongo:8", MONGO),
        ("mongo:8.0.4-noble", MONGO),
        ("library/mongo", MONGO),
        ("docker.io/library/mongo:8", MONGO),
        ("docker.io/redis:7@sha256:0123", REDIS),
        ("redis@sha256:0123", REDIS),
        ("somebody/mongo", None),
        ("localhost:5000/redis", None),
        ("mongo-express", None),
        ("valkey", None),
    ],
)
def test_known_images_are_the_official_ones_with_any_tag(image: str, server: servers.Server | None) -> None:
    assert known(image) is server


def test_mongod_listens_and_keeps_its_data_where_the_service_says() -> None:
    argv = MONGO.argv(Path("/x/mongod"), container("mongo", host="127.0.0.2"), Path("/data"))
    assert argv == (
        *("/x/mongod", "--dbpath", "/data", "--port", "4000", "--bind_ip", "127.0.0.2", "--nounixsocket"),
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)"),
    )
    assert "--ipv6" in MONGO.argv(Path("m"), container("mongo", host="::1"), Path("/data"))


def test_redis_writes_nothing_unless_its_data_is_to_be_kept() -> None:
    place = ("/x/redis-server", "--dir", "/data", "--port", "4000", "--bind", "127.0.0.1", "--protected-mode", "yes")
    program, data = Path("/x/redis-server"), Path("/data")
    assert REDIS.argv(program, container("redis"), data) == (*place, "--appendonly", "no", "--save", "")
    assert REDIS.argv(program, container("redis", keep=True), data) == (*place, "--appendonly", "yes")


def test_redis_on_all_addresses_is_open_as_its_image_is() -> None:
    argv = REDIS.argv(Path("r"), container("redis", host=ANYWHERE), Path("/data"))
    assert argv[argv.index("--protected-mode") + 1] == "no"


@pytest.mark.parametrize(
    ("image", "args", "end"),
    [
        ("mongo", ("--replSet", "rs0"), ("--replSet", "rs0")),
        ("mongo", ("mongod", "--replSet=rs0"), ("--replSet", "rs0")),
        ("mongo", ("--bind_ip_all", "--port", "27017", "--dbpath=/data/db", "-v"), ("-v",)),
        ("redis", ("redis-server", "--maxmemory", "10mb"), ("--maxmemory", "10mb")),
        ("redis", ("--bind", ANYWHERE, "-::1", "--daemonize", "yes", "--maxmemory", "1mb"), ("--maxmemory", "1mb")),
    ],
)
def test_arguments_of_the_service_stay_but_those_about_the_inside_of_a_container(
    image: str, args: tuple[str, ...], end: tuple[str, ...]
) -> None:
    server = known(image)
    assert server
    own = server.argv(Path("x"), container(image), Path("/data"))
    assert server.argv(Path("x"), container(image, *args), Path("/data")) == (*own, *end)


def test_arguments_of_the_service_replace_what_is_only_usual() -> None:
    mongo = MONGO.argv(Path("m"), container("mongo", "--wiredTigerCacheSizeGB", "1"), Path("/data"))
    assert mongo.count("--wiredTigerCacheSizeGB") == 1
    assert mongo[mongo.index("--wiredTigerCacheSizeGB") + 1] == "1"
    redis = REDIS.argv(Path("r"), container("redis", "--appendonly", "yes"), Path("/data"))
    assert redis.count("--appendonly") == 1
    assert redis[-2:] == ("--appendonly", "yes")


@pytest.mark.parametrize(
    ("volumes", "keep", "keeps"),
    [
        ((), False, False),
        ((), True, True),
        (("store:/data/db",), False, True),
        (("./store:/data/db/:rw",), False, True),
        (("/data/db",), False, False),  # without a name it goes with its container
    ],
)
def test_data_is_kept_when_a_volume_or_keep_asks_for_it(volumes: tuple[str, ...], keep: bool, keeps: bool) -> None:
    assert MONGO.keeps(container("mongo", volumes=volumes, keep=keep)) is keeps


@pytest.mark.parametrize(
    ("service", "obstacle"),
    [
        (container("mongo"), ""),
        (container("mongo", volumes=("a:/data/db",)), ""),
        (container("mongo", ports=()), "it needs a port of this machine, such as `ports: [main=27017]`"),
        (
            container("mongo", volumes=("./init:/docker-entrypoint-initdb.d:ro",)),
            "its volume ./init:/docker-entrypoint-initdb.d:ro needs a container",
        ),
        (container("mongo", "sh", "-c", "x"), "its args begin with 'sh', which may be in the image only"),
        (
            container("mongo", environment={"MONGO_INITDB_ROOT_USERNAME": "me"}),
            "MONGO_INITDB_ROOT_USERNAME is set, and only its image makes accounts",
        ),
    ],
)
def test_what_a_plain_server_cannot_do_is_said(service: Service, obstacle: str) -> None:
    assert MONGO.obstacle(service) == obstacle


def test_port_of_the_server_is_the_one_that_it_has_in_its_container_else_the_first() -> None:
    by_number = (Port("web", 80), Port("main", 27017))
    by_target = (Port("web", 80), Port("main", 4000, 27017))
    neither = (Port("main", 4000), Port("web", 80))
    for ports in (by_number, by_target, neither):
        assert MONGO.listens_on(container("mongo", ports=ports)).name == "main"


def test_container_of_a_known_image_listens_inside_on_the_port_of_the_image() -> None:
    assert MONGO.published(container("mongo", port=4000)).ports == (Port("main", 4000, 27017),)
    own_port = container("mongo", "--port", "4000", port=4000)
    assert MONGO.published(own_port) is own_port


# As a process --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def valkey(folder: Path, service: Service) -> AsyncIterator[ServerProcess]:
    found = await programs.in_wheel(REDIS)
    assert found.path, found
    launcher = Launcher("test", warm=False)
    process = await ServerProcess.run(launcher, REDIS, found.path, service, os.environ, folder, lambda *_: None)
    try:
        port = service.ports[0].number
        assert await until(lambda: redis_reply(port, "PING") == "PONG", time.monotonic() + 20)
        yield process
    finally:
        await process.stop(signal.SIGTERM, 5)
        await launcher.close()


async def test_server_has_an_empty_folder_which_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "scratch" / "store").mkdir(parents=True)
    (tmp_path / "scratch" / "store" / "dump.rdb").write_text("left by a crash")
    [port] = free_ports(1)
    async with valkey(tmp_path, container("redis", port=port)) as process:
        assert list((tmp_path / "scratch" / "store").iterdir()) == []
        redis_reply(port, "SET", "a", "1")
        redis_reply(port, "SAVE")
        assert (tmp_path / "scratch" / "store" / "dump.rdb").exists()
        assert await process.stop(signal.SIGTERM, 5)
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_server_finds_its_data_again_when_it_is_kept(tmp_path: Path) -> None:
    [port] = free_ports(1)
    service = container("redis", port=port, volumes=("store:/data",))
    async with valkey(tmp_path, service):
        assert redis_reply(port, "SET", "a", "1") == "OK"
    async with valkey(tmp_path, service) as process:
        assert redis_reply(port, "GET", "a") == "1"
        redis_reply(port, "SET", "a", "2")
        await process.stop(signal.SIGKILL, 0)
    async with valkey(tmp_path, service):
        assert redis_reply(port, "GET", "a") == "2"


async def test_data_that_was_kept_is_not_touched_when_it_is_not_asked_for_any_more(tmp_path: Path) -> None:
    [port] = free_ports(1)
    async with valkey(tmp_path, container("redis", port=port, keep=True)):
        redis_reply(port, "SET", "a", "1")
    async with valkey(tmp_path, container("redis", port=port)):
        assert redis_reply(port, "GET", "a") is None
    async with valkey(tmp_path, container("redis", port=port, keep=True)):
        assert redis_reply(port, "GET", "a") == "1"
