"""Step 07 without fuge, on Docker Compose: the same files, found by Docker's DNS."""

from collections.abc import Iterator

import pytest
from compose_place import OnCompose
from helpers import wait_until

from workbook import course

pytestmark = pytest.mark.timeout(400)
RECIPE = course.recipe("07")


@pytest.fixture(scope="module")
def system(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCompose]:
    with OnCompose(RECIPE, tmp_path_factory.mktemp("compose"), url) as running:
        yield running


def test_numbers_are_added_audited_and_counted(system: OnCompose) -> None:
    assert system.add("19", "23") == ["42"]
    assert system.is_audited("19 + 23")
    assert wait_until(lambda: "/add/calculate" in system.report())
    assert f"http://127.0.0.1:{system.port}/audit" in system.report()


def test_services_run_with_few_rights_and_are_found_by_addresses_alone(system: OnCompose) -> None:
    for name in ("adder_service", "audit_service", "event_service", "webapp", "mongo", "redis"):
        container = system.container(name)
        assert container["Config"]["User"] == ("999:999" if name in ("mongo", "redis") else "10001:10001")
        assert container["HostConfig"]["ReadonlyRootfs"]
        assert container["HostConfig"]["CapDrop"] == ["ALL"]
        assert container["State"]["Health"]["Status"] == "healthy"
        told = dict(line.split("=", 1) for line in container["Config"]["Env"])
        assert told["DNS_MODE"] == "A"
        assert "DNS_HOST" not in told


def test_only_the_webapp_is_reached_from_outside(system: OnCompose) -> None:
    published = {
        name: [
            place for places in system.container(name)["NetworkSettings"]["Ports"].values() for place in places or ()
        ]
        for name in ("adder_service", "audit_service", "event_service", "webapp", "mongo", "redis")
    }
    assert published.pop("webapp") == [{"HostIp": "127.0.0.1", "HostPort": str(system.port)}]
    assert not any(published.values())


def test_what_could_not_be_delivered_is_kept_in_a_volume(system: OnCompose) -> None:
    system.compose("stop", "audit_service")
    assert system.add("1", "2") == ["3"]
    system.compose("rm", "--stop", "--force", "webapp")
    system.compose("up", "-d", "--wait")
    assert system.is_there()
    assert system.is_audited("1 + 2")


def test_instances_are_found_as_they_come_and_go(system: OnCompose) -> None:
    system.compose("up", "-d", "--wait", "--no-recreate", "--scale", "adder_service=2")
    both = system.containers("adder_service")
    assert len(both) == 2

    def have_both_added() -> bool:
        assert system.add("20", "22") == ["42"]
        return all(b"the sum is 42" in system.api.logs(each) for each in both)

    assert wait_until(have_both_added, 60)
    system.compose("up", "-d", "--wait", "--no-recreate", "--scale", "adder_service=1")
    assert system.comes_to_add("20", "23", "43")
