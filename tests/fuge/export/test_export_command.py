"""`fuge export` and `fuge build --files`, as commands."""

import stat
import sys
from pathlib import Path

import pytest
from fuge_project import Project

from fuge.export.engines import ENGINES
from fuge.faces.export import KINDS

SYSTEM = """
web:
  type: process
  path: web
  run: python main.py --loud
  ports: [http=8000]
  delay_start: 1
  environment: [API_TOKEN=hush, OUTBOX=../.fuge/outbox]
  env_file: more.env
  terminate: SIGINT
redis:
  type: container
  image: redis
node:
  type: process
  path: web
  run: node main.js
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "My shop")
    made.folder.mkdir()
    made.write(SYSTEM, web="print('up')")
    (made.folder / "web" / "more.env").write_text("MORE=1")
    return made


@pytest.mark.parametrize(
    ("kind", "file", "secrets"),
    [
        ("compose", "compose.yaml", "web.secrets.env"),
        ("swarm", "stack.yaml", "web.secrets.env"),
        ("kubernetes", "kubernetes.yaml", "secrets.yaml"),
    ],
)
def test_files_are_written_and_secrets_are_for_their_owner(
    project: Project, kind: str, file: str, secrets: str
) -> None:
    shown = project.ok("export", kind)
    done = project.ok("export", kind, "-o", "out/there")
    assert done.out == f"wrote out/there/{file}\nwrote out/there/{secrets}\n"
    folder = project.folder / "out" / "there"
    assert (folder / file).read_text() == shown.out
    assert "hush" in (folder / secrets).read_text()
    assert "hush" not in shown.out
    assert stat.S_IMODE((folder / secrets).stat().st_mode) == 0o600
    assert "fuge.yml:7:3 web.delay_start: engines have no pause before a start" in done.err
    assert f"{secrets}: secrets, which are written by -o alone" in shown.err
    assert project.ok("export", kind, "-o", "out/there").out == done.out


def test_the_command_knows_all_engines() -> None:
    assert tuple(ENGINES) == KINDS


def test_a_file_of_somebody_else_is_not_written_over(project: Project) -> None:
    mine = project.folder / "web.secrets.env"
    mine.write_text("MINE=1")
    done = project.fuge("export", "compose", "-o", ".")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "fuge: expected no file, or one by fuge export, at web.secrets.env:"
        " take another folder, or --force to write over it"
    )
    assert mine.read_text() == "MINE=1"
    assert not (project.folder / "compose.yaml").exists()
    project.ok("export", "compose", "-o", ".", "--force")
    assert "hush" in mine.read_text()


def test_a_folder_in_the_place_of_a_file_is_not_fuges(project: Project) -> None:
    (project.folder / "compose.yaml").mkdir()
    done = project.fuge("export", "compose", "-o", ".")
    assert done.code == 1
    assert "expected no file, or one by fuge export, at compose.yaml" in done.err


def test_notes_are_data_too(project: Project) -> None:
    found = project.ok("export", "compose", "--json").json
    assert found["text"].startswith("# By `fuge export compose` from fuge.yml")
    assert [note["key"] for note in found["notes"]] == ["web.delay_start", "redis", "node.run"]
    assert {"line": 7, "column": 3}.items() <= found["notes"][0].items()


def test_ports_of_a_run_are_those_of_the_machine(project: Project) -> None:
    assert "127.0.0.1:9000:9000" in project.ok("-p", "web=9000", "export", "compose").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "nomad"], "argument KIND: invalid choice: 'nomad'"),
        (["export", "compose", "--tag", "a b"], "argument --tag: expected such as 1.4, found 'a b'"),
        (
            ["export", "compose", "--registry", "http://x"],
            "expected such as registry.example.com/team, found 'http://x'",
        ),
        (["build", "--wheel", "none.whl"], "build: expected a file at 'none.whl', found none"),
    ],
)
def test_words_that_are_wrong(project: Project, words: list[str], said: str) -> None:
    done = project.fuge(*words)
    assert done.code == 2
    assert said in done.err


# Dockerfiles ------------------------------------------------------------------------------------------------------


def test_a_dockerfile_is_written_with_what_it_copies(project: Project) -> None:
    web = project.folder / "web"
    (web / "static").mkdir(mode=0o700)
    (web / "static" / "a.txt").touch(0o600)
    (web / "static" / "run.sh").touch(0o700)
    (web / "__pycache__").mkdir()
    (web / ".env").write_text("SECRET=1")
    (web / "requirements.txt").write_text("aiohttp==3.13.0 --hash=sha256:00\n")
    (project.folder / "own.whl").touch()
    done = project.ok("build", "--files", "--base", "mine:1", "--wheel", "own.whl")
    assert done.out.splitlines() == [
        "skipping [redis]: it has an image, redis",
        "skipping [node]: it is not run by Python, but by 'node main.js'",
        "wrote [web]: .fuge/build/web, with web/requirements.txt",
    ]
    folder = project.folder / ".fuge" / "build" / "web"
    files = {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert files.keys() == {
        *("Dockerfile", ".dockerignore", "requirements.txt", "wheels", "wheels/own.whl", "app", "app/main.py"),
        *("app/requirements.txt", "app/static", "app/static/a.txt", "app/static/run.sh"),
    }
    assert {files["app/static"], files["app/static/run.sh"]} == {0o755}
    assert files["app/static/a.txt"] == 0o644
    pip = "RUN python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore"
    assert (folder / "Dockerfile").read_text().splitlines() == [
        "# By `fuge build`: the image of web. By hand: docker build -t my-shop-web:latest .",
        "ARG BASE=mine:1",
        "FROM ${BASE}",
        "",
        "COPY requirements.txt /tmp/",
        f"{pip} --require-hashes -r /tmp/requirements.txt",
        "",
        "COPY wheels/ /tmp/wheels/",
        f"{pip} --no-index --no-deps /tmp/wheels/*.whl",
        "",
        "ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
        "COPY app/ /app/web/",
        "RUN mkdir -p /app/.fuge/outbox && chown 10001:10001 /app/.fuge/outbox",
        "WORKDIR /app/web",
        "USER 10001:10001",
        "EXPOSE 8000",
        "STOPSIGNAL SIGINT",
        'CMD ["python", "main.py", "--loud"]',
    ]


def test_requirements_of_the_whole_system_are_those_of_each_service(project: Project) -> None:
    (project.folder / "requirements.txt").write_text("rich\n")
    assert project.ok("build", "web", "--files").out == "wrote [web]: .fuge/build/web, with requirements.txt\n"
    text = (project.folder / ".fuge" / "build" / "web" / "Dockerfile").read_text()
    assert "--root-user-action=ignore -r /tmp/requirements.txt" in text
    assert f"ARG BASE=python:{sys.version_info.major}.{sys.version_info.minor}-slim" in text


def test_without_requirements_nothing_is_installed(project: Project) -> None:
    assert project.ok("build", "web", "--files").out == "wrote [web]: .fuge/build/web, without requirements.txt\n"
    assert "pip" not in (project.folder / ".fuge" / "build" / "web" / "Dockerfile").read_text()


def test_a_folder_that_would_be_two_words_is_refused(project: Project) -> None:
    (project.folder / "a b").mkdir()
    project.configure("a: {type: process, path: 'a b', run: python main.py}\nb: {type: process, run: python main.py}")
    done = project.fuge("build", "a", "--files")
    assert done.code == 1
    assert done.out == (
        "failed [a]: a: expected folders whose names have letters, digits and _ . @ + - alone,"
        " found '/app/a b': a Dockerfile takes other ones apart\n"
    )


def test_data_of_fuge_in_the_folder_of_a_service_is_not_copied(project: Project) -> None:
    project.ok("build", "web", "--files", FUGE_DATA=str(project.folder / "web" / "data"))
    project.ok("build", "web", "--files", FUGE_DATA=str(project.folder / "web" / "data"))
    app = project.folder / "web" / "data" / "build" / "web" / "app"
    assert sorted(path.name for path in app.iterdir()) == ["main.py"]


def test_a_service_that_can_have_no_name_has_no_image(project: Project) -> None:
    project.configure("a_: {type: process, run: python main.py}")
    done = project.fuge("build", "--files")
    assert done.code == 2
    assert done.err.startswith("fuge.yml:1:1 a_: expected a name for DNS")


def test_a_folder_that_cannot_be_written_is_told(project: Project) -> None:
    (project.folder / ".fuge").mkdir()
    (project.folder / ".fuge" / "build").touch()
    done = project.fuge("build", "web", "--files")
    assert done.code == 1
    assert done.out.startswith("failed [web]: web: .fuge/build/web cannot be written: ")


def test_a_folder_that_is_not_there_has_no_image(project: Project) -> None:
    project.configure("a: {type: process, path: gone, run: python main.py}")
    assert "skipping [a]: the folder" in project.ok("build").out
