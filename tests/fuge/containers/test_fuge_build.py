"""`fuge build` and a real engine: what an image is like, and what is said when there is none."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker_images
import pytest
from compose_place import compose_command
from fuge_project import Project

SYSTEM = """
web:
  type: process
  path: web
  run: python main.py --loud
  ports: [http=8000]
  terminate: SIGINT
  environment: [OUTBOX=../.fuge/out/box]
"""


@pytest.fixture
def api(url: str) -> Iterator[Any]:
    client = docker.APIClient(base_url=url, version="auto")
    docker_images.make(client, docker_images.TINY)
    yield client
    client.close()


@pytest.fixture
def project(tmp_path: Path, url: str) -> Project:
    made = Project(tmp_path / "fugebuilt")
    made.folder.mkdir()
    made.environment["DOCKER_HOST"] = url
    made.write(SYSTEM, web="print('up')")
    return made


@pytest.fixture
def image(api: Any) -> Iterator[str]:
    yield "fugebuilt-web:9"
    api.remove_image("fugebuilt-web:9")


def test_an_image_is_what_its_dockerfile_says(project: Project, api: Any, image: str) -> None:
    (project.folder / "web" / "secret.env").write_text("A=1")
    with project.file.open("a") as file:
        file.write("  env_file: secret.env\n")
    done = project.ok("build", "--base", docker_images.TINY, "--tag", "9")
    assert done.out.splitlines()[0] == f"building [web]: {image}, without requirements.txt"
    config = api.inspect_image(image)["Config"]
    assert (config["User"], config["WorkingDir"], config["StopSignal"]) == ("10001:10001", "/app/web", "SIGINT")
    assert config["Cmd"] == ["python", "main.py", "--loud"]
    assert config["ExposedPorts"] == {"8000/tcp": {}}
    look = ["sh", "-c", "ls /app/web && touch /app/.fuge/out/box/x && ! touch /app/web/x"]
    made = api.create_container(image, look)
    try:
        api.start(made["Id"])
        assert api.wait(made["Id"])["StatusCode"] == 0, api.logs(made["Id"])
        assert api.logs(made["Id"], stderr=False) == b"main.py\n"
    finally:
        api.remove_container(made["Id"])


def test_an_image_that_cannot_be_built_is_told_with_the_engines_last_words(project: Project) -> None:
    (project.folder / "web" / "requirements.txt").write_text("aiohttp\n")
    done = project.fuge("build", "--base", docker_images.TINY)
    assert done.code == 1
    assert "not found" in done.out
    assert "cannot build fugebuilt-web:latest: The command '/bin/sh -c python -m pip install" in done.out
    assert "\x1b" not in done.out


def test_a_base_that_cannot_be_had_is_told(project: Project) -> None:
    done = project.fuge("build", "--base", "127.0.0.1:1/none")
    assert done.code == 1
    assert "cannot build fugebuilt-web:latest: Get " in done.out


def test_without_an_engine_the_reason_is_told_once(project: Project) -> None:
    done = project.fuge("build", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.code == 3
    assert done.err.startswith("fuge: no Docker engine at unix:///nowhere/docker.sock")
    assert done.out == ""


def test_compose_takes_every_value_as_it_is(project: Project, api: Any, url: str) -> None:
    odd = [
        "plain",
        "it's",
        'a "b"',
        "$HOME ${HOME} $$",
        "a\nb",
        "a\\nb\\",
        "# no comment",
        " a ",
        "ä😀",
        "a=b",
        "'$x'\n\\",
    ]
    lines = "".join(
        f"    {name}_{number}: {json.dumps(value.replace('$', '$$'), ensure_ascii=False)}\n"
        for number, value in enumerate(odd)
        for name in ("PLAIN", "TOKEN")
    )
    project.configure(f"env:\n  type: container\n  image: {docker_images.TINY}\n  environment:\n{lines}")
    project.ok("export", "compose", "-o", "out")
    compose = [*compose_command(), "-f", "out/compose.yaml"]
    place = {"cwd": project.folder, "env": project.environment, "check": True}
    subprocess.run([*compose, "create"], **place)
    labels = ["com.docker.compose.project=fugebuilt"]
    [made] = api.containers(all=True, filters={"label": labels})
    told = dict(line.split("=", 1) for line in api.inspect_container(made["Id"])["Config"]["Env"])
    subprocess.run([*compose, "down"], **place)
    assert [told[f"PLAIN_{number}"] for number in range(len(odd))] == odd
    assert [told[f"TOKEN_{number}"] for number in range(len(odd))] == odd
