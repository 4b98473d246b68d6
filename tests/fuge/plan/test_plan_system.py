"""Which services words name."""

from dataclasses import replace
from pathlib import Path

import pytest

from fuge.errors import FugeError
from fuge.plan.system import Port, Service, System

SYSTEM = System(
    Path("/x/fuge.yml"),
    {
        service.name: service
        for service in (
            Service("adder_service", ports=(Port("main", 8080),)),
            Service("adder_two", enabled=False),
            Service("mongo", "container", group="stores"),
            Service("redis", "container", group="stores", enabled=False),
        )
    },
)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["adder_service", "mongo"]),
        (["all"], ["adder_service", "mongo"]),
        (["mongo", "adder_two", "mongo"], ["adder_two", "mongo"]),
        (["stores"], ["mongo"]),
        (["default"], ["adder_service"]),
        (["adder*", "redis"], ["adder_service", "adder_two", "redis"]),
        (["*"], ["adder_service", "adder_two", "mongo", "redis"]),
    ],
)
def test_words_select_services_in_the_files_order(words: list[str], names: list[str]) -> None:
    assert [service.name for service in SYSTEM.select(words)] == names


def test_word_that_names_nothing_gets_the_nearest_name() -> None:
    with pytest.raises(FugeError, match="^no service or group is called 'mogno': did you mean 'mongo'\\?$"):
        SYSTEM.select(["adder_service", "mogno"])
    known = "adder_service, adder_two, mongo, redis, stores, all"
    with pytest.raises(FugeError, match=f"^no service or group is called 'zzz': there are {known}$"):
        SYSTEM.service("zzz")


def test_parts_of_a_system_are_found_by_name() -> None:
    assert SYSTEM.service("adder_service").port("main") == Port("main", 8080)
    assert SYSTEM.service("adder_service").port("other") is None
    assert SYSTEM.groups == ["default", "stores"]
    assert (SYSTEM.data, SYSTEM.logs) == (Path("/x/.fuge"), Path("/x/.fuge/log"))


SCALED = replace(SYSTEM, replicas={"adder_service": (Service("adder_service.2"), Service("adder_service.3"))})


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["adder_service"], ["adder_service", "adder_service.2", "adder_service.3"]),
        (["adder_service.2"], ["adder_service.2"]),
        (["*.3", "adder_two"], ["adder_service.3", "adder_two"]),
        (["default"], ["adder_service", "adder_service.2", "adder_service.3"]),
        ([], ["adder_service", "adder_service.2", "adder_service.3", "mongo"]),
    ],
)
def test_service_is_selected_with_its_replicas(words: list[str], names: list[str]) -> None:
    assert [service.name for service in SCALED.select(words)] == names


def test_replica_is_found_by_its_name() -> None:
    assert SCALED.service("adder_service.2").origin == "adder_service"
    with pytest.raises(FugeError, match="did you mean 'adder_service.3'"):
        SCALED.service("adder_service.4")
