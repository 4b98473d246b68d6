"""Images that are pulled: how far that is, and that there may be nothing to pull."""

import io
import sys

import pytest
from fuge_project import Project, free_ports

from fuge.faces import images

NOWHERE = "unix:///nowhere/docker.sock"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_stays_on_one_line_of_a_terminal_and_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    progress = images.Progress()
    progress("10 %")
    progress("90 %")
    progress.end()
    assert screen.getvalue() == "\r\x1b[K10 %\r\x1b[K90 %\r\x1b[K"


def test_pull_without_docker_fails(project: Project) -> None:
    project.configure_with(f"shop: {{type: container, image: example.org/shop, ports: [main={free_ports(1)[0]}]}}")
    done = project.fuge("pull", DOCKER_HOST=NOWHERE)
    assert done.code == 1
    assert done.out.startswith("failed [shop]: nothing here can run the image example.org/shop")


def test_pull_has_nothing_to_do_for_what_a_real_server_runs(project: Project) -> None:
    project.configure_with(f"store: {{type: container, image: redis, ports: [main={free_ports(1)[0]}]}}")
    done = project.ok("pull", FUGE_ENGINE="wheel")
    assert done.out.startswith("skipping [store]: nothing to pull, it runs by Valkey ")


def test_pull_leaves_out_containers_that_are_not_managed(project: Project) -> None:
    project.configure_with(
        "fuge_global: {run_containers: false}", "store: {type: container, image: redis, ports: [main=4000]}"
    )
    assert project.ok("pull").out == "skipping [store]: run_containers is false\n"
