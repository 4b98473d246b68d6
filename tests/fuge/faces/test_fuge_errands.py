"""test, pull, status and apply: commands in the folders of services."""

import subprocess

import pytest
from fuge_project import Project


@pytest.fixture
def repository(project: Project) -> Project:
    """Three services, two of them in the same git repository, with a test each that looks at the environment."""
    project.configure_with(
        project.server("one", 'test: "echo testing $SERVICE_PORT"', "repository_url: somewhere"),
        project.sleeper("two", "test: exit 3", "repository_url: somewhere"),
        project.sleeper("three"),
    )
    for words in (["init", "-q", "-b", "main"], ["add", "."]):
        subprocess.run(["git", *words], cwd=project.folder, check=True)
    return project


def test_tests_run_all_and_name_those_that_failed(repository: Project) -> None:
    done = repository.fuge("test")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "testing [one]: echo testing $SERVICE_PORT"
    assert lines[1].startswith("testing 1") or lines[1].startswith("testing 2")
    assert "skipping [three]: its fuge.yml has no test" in lines
    assert lines[-1] == "failed: two (exit code 3)"


def test_a_test_that_passes(repository: Project) -> None:
    done = repository.ok("test", "one")
    assert done.out.splitlines()[-1] == "passed: 1 of 1"


def test_pull_takes_each_repository_once(repository: Project) -> None:
    done = repository.fuge("pull")
    assert done.code == 1  # there is no remote to pull from
    assert "pulling [one]: somewhere" in done.out
    assert "skipping [two]: pulled already" in done.out
    assert "skipping [three]: its fuge.yml has no repository_url" in done.out


def test_status_shows_branch_and_changes(repository: Project) -> None:
    done = repository.ok("status", "one")
    assert done.out.splitlines() == ["status [one]", "A  main.py", "main"]


def test_apply_runs_a_shell_command_everywhere(repository: Project) -> None:
    done = repository.ok("apply", "pwd | xargs basename && echo 'a  b'")
    assert done.out.splitlines() == ["[one]", "one", "a  b", "[two]", "two", "a  b", "[three]", "three", "a  b"]


def test_apply_in_the_shell_keeps_quotes(repository: Project) -> None:
    done = repository.ok("shell", give="apply echo 'a  b' | tr a c\nexit\n")
    assert done.out.count("c  b") == 3


def test_apply_that_fails_somewhere_says_so_by_its_exit_code(repository: Project) -> None:
    assert repository.fuge("apply", "test $(basename $PWD) != two").code == 1


def test_an_errand_needs_the_folder(project: Project) -> None:
    project.configure_with(project.process("one", "test: echo hello"))
    done = project.fuge("test", "one")
    assert done.code == 1
    assert "does not exist" in done.out
