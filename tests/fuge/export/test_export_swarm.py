"""A stack for Docker Swarm: what it has otherwise than a Compose file."""

import pytest
from fuge_exports import Export

from workbook import course

STEP = course.recipe("07").step / "fuge" / "fuge.yml"


def test_step_07_as_it_is(export: Export) -> None:
    made = export(STEP, "swarm")
    assert made.content["version"] == "3.8"
    assert made.content["networks"] == {"default": {"driver": "overlay"}}
    webapp = made.services["webapp"]
    assert webapp["deploy"] | {"resources": {}} == {
        "endpoint_mode": "dnsrr",
        "replicas": 1,
        "placement": {"max_replicas_per_node": 1},
        "restart_policy": {"condition": "any"},
        "resources": {},
    }
    assert webapp["ports"] == [{"target": 3000, "published": 3000, "protocol": "tcp", "mode": "host"}]
    assert {service["deploy"]["endpoint_mode"] for service in made.services.values()} == {"dnsrr"}
    assert [note.partition(":")[2] for note in made.notes if "depends_on" in note] == [
        f"{place}.depends_on: Swarm starts all at once: it must be able to wait for the others by itself"
        for place in ("43:3 audit_service", "52:3 event_service", "62:3 webapp")
    ]


def test_it_has_nothing_that_a_stack_cannot_have(export: Export) -> None:
    """The schema of stacks, 3.8, refuses or ignores these."""
    made = export(STEP, "swarm")
    unknown = {"pull_policy", "profiles", "security_opt", "depends_on", "restart", "name"}
    assert not unknown & ({key for service in made.services.values() for key in service} | made.content.keys())


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        ("restart: never", {"condition": "none"}),
        ("restart: on-failure, max_restarts: 0", {"condition": "none"}),
        ("restart: on-failure, restart_delay: 0.5", {"condition": "on-failure", "delay": "500ms", "max_attempts": 5}),
        ("restart: always, restart_delay: 0", {"condition": "any", "delay": "1ms", "max_attempts": 5}),
    ],
)
def test_restart_is_as_said(export: Export, said: str, policy: dict[str, object]) -> None:
    made = export(f"a: {{type: process, run: python main.py, {said}}}", "swarm")
    assert made.services["a"]["deploy"]["restart_policy"] == policy


def test_what_is_not_enabled_has_no_instance(export: Export) -> None:
    made = export("a: {type: process, run: python main.py, enabled: false}", "swarm")
    assert made.services["a"]["deploy"]["replicas"] == 0
    assert made.notes == [
        "fuge.yml:1:41 a.enabled: it is there without an instance: `docker service scale STACK_a=1` starts it"
    ]


def test_folders_of_this_machine_are_left_out(export: Export) -> None:
    made = export("a: {type: container, image: nginx, volumes: ['./conf:/etc/nginx', 'data:/data']}", "swarm")
    assert made.services["a"]["volumes"] == [{"type": "volume", "source": "data", "target": "/data"}]
    assert made.notes[1] == (
        "fuge.yml:1:36 a.volumes: data is another one on each machine: keep it on one, by a placement constraint"
    )
    assert made.notes[2] == (
        "fuge.yml:1:36 a.volumes: the folder for /etc/nginx is on this machine alone, and left out:"
        " an image can have it"
    )


def test_secrets_are_as_docker_reads_them(export: Export) -> None:
    made = export(
        'a: {type: process, run: python main.py, environment: {TOKEN: "it\'s $$5", KEY_PASSWORD: "a\\nb"}}', "swarm"
    )
    assert made.output.private == {"a.secrets.env": "TOKEN=it's $5\n"}
    assert made.notes == [
        "fuge.yml:1:41 a.environment: KEY_PASSWORD has a line break, which Docker's env_file cannot hold:"
        " it is left out"
    ]
