"""The system's resolver, with a real BIND that serves a zone as Kubernetes has it, in a network of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from bind import NAMED_CONF
from network_apart import run_apart

INSIDE = Path(__file__).with_name("inside.py")
ZONE = """
$ORIGIN micro.svc.cluster.local.
$TTL 5
cluster.local. IN SOA ns.cluster.local. root.cluster.local. 1 60 60 60 5
cluster.local. IN NS ns.cluster.local.
ns.cluster.local. IN A 127.0.0.1
mongo IN A 10.96.0.11
_main._tcp.mongo IN SRV 0 100 27017 mongo
workers IN A 10.96.1.1
workers IN A 10.96.1.2
workers IN AAAA fd00::3
_main._tcp.workers IN SRV 0 33 8082 one.workers
_main._tcp.workers IN SRV 0 33 8083 two.workers
_main._tcp.workers IN SRV 9 33 8084 three.workers
one.workers IN A 10.96.1.1
two.workers IN A 10.96.1.2
three.workers IN AAAA fd00::3
database IN CNAME mongo
_main._tcp.lost IN SRV 0 0 80 gone
"""
REPLICAS = 40
ZONE += "".join(
    f"_main._tcp.wide IN SRV 0 1 {9000 + number} r{number}.wide\nr{number}.wide IN A 10.96.2.{number}\n"
    for number in range(REPLICAS)
)
NAMES = [
    "_main._tcp.mongo.micro.svc.cluster.local",
    "_main._tcp.mongo",
    "_main._tcp.mongo.micro",
    "_main._tcp.workers",
    "_main._tcp.wide",
    "mongo",
    "workers",
    "database",
    "_main._tcp.nope",
    "_other._tcp.mongo.micro.svc.cluster.local",
    "_tcp.mongo",
    "_main._tcp.lost",
    "example.com.",
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each of the names resolves to."""
    folder = tmp_path_factory.mktemp("bind")
    for name, text in (("named.conf", NAMED_CONF), ("zone", ZONE)):
        (folder / name).write_text(text, encoding="utf-8")
    answers: dict[str, Any] = json.loads(run_apart(folder, INSIDE, *NAMES))
    return answers


def addresses(endpoints: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    return [(each["host"], each["port"]) for each in endpoints]


@pytest.mark.parametrize("name", NAMES[:3])
def test_port_is_found_by_its_whole_name_and_by_short_ones(found: dict[str, Any], name: str) -> None:
    target = "mongo.micro.svc.cluster.local"
    expected = {"host": "10.96.0.11", "port": 27017, "priority": 0, "weight": 100, "ttl": 5, "target": target}
    assert found[name] == [expected]


def test_replicas_come_by_priority(found: dict[str, Any]) -> None:
    workers = addresses(found["_main._tcp.workers"])
    assert sorted(workers[:2]) == [("10.96.1.1", 8082), ("10.96.1.2", 8083)]
    assert workers[2:] == [("fd00::3", 8084)]


def test_what_is_too_long_for_a_datagram_is_whole(found: dict[str, Any]) -> None:
    expected = [(f"10.96.2.{number}", 9000 + number) for number in range(REPLICAS)]
    assert sorted(addresses(found["_main._tcp.wide"]), key=lambda each: each[1] or 0) == expected


def test_plain_names_and_aliases_are_found(found: dict[str, Any]) -> None:
    assert addresses(found["mongo"]) == addresses(found["database"]) == [("10.96.0.11", None)]
    assert sorted(addresses(found["workers"])) == [("10.96.1.1", None), ("10.96.1.2", None), ("fd00::3", None)]


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("_other._tcp.mongo.micro.svc.cluster.local", "NoSuchName", "but 127.0.0.1 (/etc/resolv.conf) knows no such"),
        (
            "_tcp.mongo",
            "NoSuchRecord",
            "expected SRV records of _tcp.mongo, but 127.0.0.1 (/etc/resolv.conf) has none:",
        ),
        ("_main._tcp.lost", "NoSuchName", "of gone.micro.svc.cluster.local, the target of _main._tcp.lost, but"),
        ("example.com.", "ServerRefused", "does not want to answer (127.0.0.1 port 53: REFUSED)"),
    ],
)
def test_errors_of_a_real_server_are_told_apart(found: dict[str, Any], name: str, kind: str, text: str) -> None:
    assert found[name][0] == kind
    assert text in found[name][1]


def test_short_name_that_is_not_there_was_searched_for(found: dict[str, Any]) -> None:
    """Last as it is, which this server refuses, since it answers for its zone alone."""
    kind, text = found["_main._tcp.nope"]
    assert kind == "NoSuchName"
    places = ("micro.svc.cluster.local", "svc.cluster.local", "cluster.local")
    assert f"(tried {', '.join(f'_main._tcp.nope.{place}' for place in places)})" in text
