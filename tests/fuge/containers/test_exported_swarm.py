"""Step 07 without fuge, on a Docker Swarm of two machines: the same files, whose names lead from one to the other."""

from collections.abc import Iterator
from pathlib import Path

import docker_images
import pytest
import swarm_nodes
from exported import Exported
from helpers import needed, wait_until
from swarm_nodes import Swarm, client

from workbook import course

pytestmark = pytest.mark.timeout(400)
RECIPE = course.recipe("07")
SERVICES = ("adder_service", "audit_service", "event_service", "mongo", "redis", "webapp")


@pytest.fixture
def swarm() -> Iterator[Swarm]:
    needed(not swarm_nodes.why_not(), f"a Docker Swarm of the test's own ({swarm_nodes.why_not()})")
    with Swarm() as two:
        yield two


@pytest.fixture
def system(swarm: Swarm, tmp_path: Path) -> Iterator[Exported]:
    """Its images are on all machines: no registry has them."""
    made = Exported(RECIPE, tmp_path, swarm.nodes[0].url)
    docker_images.make(made.api, "mongo", "redis")
    swarm.give(*made.build(), "mongo", "redis")
    made.fuge("export", "swarm", "-o", "out")
    stack = str(made.folder / "out" / "stack.yaml")
    swarm.docker("stack", "deploy", "--resolve-image", "never", "-c", stack, made.project)
    yield made
    swarm.remove(made.project)
    made.api.close()  # its images go with the machines


def test_numbers_are_added_audited_and_counted_across_machines(swarm: Swarm, system: Exported) -> None:
    def all_run() -> bool:
        tasks = swarm.tasks(system.project)
        return [(name, state) for name, _, state in tasks] == [(name, "Running") for name in SERVICES]

    assert wait_until(all_run, 180), swarm.docker("stack", "ps", "--no-trunc", system.project)
    places = {name: node for name, node, _ in swarm.tasks(system.project)}
    assert {*places.values()} == {"node1", "node2"}
    [node] = [each for each in swarm.nodes if each.name == places["webapp"]]
    system.host = node.address
    assert system.is_there()
    assert system.comes_to_add("19", "23", "42")
    assert system.is_audited("19 + 23")
    assert wait_until(lambda: "/add/calculate" in report(swarm, places["event_service"], system), 60)


def report(swarm: Swarm, place: str, system: Exported) -> str:
    """The step's report, run where the event service is, with what that is told."""
    [node] = [each for each in swarm.nodes if each.name == place]
    source = (RECIPE.step / "report" / "main.py").read_text(encoding="utf-8")
    with client(node) as api:
        label = f"com.docker.swarm.service.name={system.project}_event_service"
        [container] = api.containers(filters={"label": label})
        made = api.exec_create(container["Id"], ["python", "-c", source])
        return str(api.exec_start(made["Id"]).decode())
