"""The names that DNS knows: those of Kubernetes, of the places that the environment tells."""

from collections.abc import Callable

import pytest
from fuge_dns import DOMAIN, scaled, service, system

from fuge.faces.arguments import UsageError
from fuge.faces.zones import elsewhere
from fuge.plan import discovery, zone_file
from fuge.plan.records import Record
from fuge.plan.system import System
from fuge.plan.zone import listed, zones
from fuge.plan.zone_file import Elsewhere

ADDER = service("adder_service", 8080, 9090)


def lines(known: System, *, ready: tuple[str, ...] | None = None) -> list[str]:
    """The records by which services are found, as short texts."""
    found = listed(zones(known, lambda each: ready is None or each.name in ready))
    return [short(each) for each in found]


def short(record: Record) -> str:
    name = record.name.removesuffix(f".{DOMAIN}")
    target = record.address.removesuffix(f".{DOMAIN}")
    more = f" {record.priority} {record.weight} {record.port}" if record.type == "SRV" else ""
    return f"{name} {record.type}{more} {target}"


def test_zone_has_an_address_and_its_named_ports_for_a_service() -> None:
    assert lines(system(ADDER)) == [
        "adder-service A 127.0.0.1",
        "_main._tcp.adder-service SRV 0 100 8080 adder-service",
        "_admin._tcp.adder-service SRV 0 100 9090 adder-service",
    ]


def test_zone_says_what_the_environment_says() -> None:
    known = system(ADDER, service("mongo", 27017, host="::1"), service("webapp", 80, host="0.0.0.0"))  # noqa: S104
    environment = discovery.environment(known, ADDER)
    for name, each in (("adder-service", "ADDER_SERVICE"), ("mongo", "MONGO"), ("webapp", "WEBAPP")):
        host, port = environment[f"{each}_SERVICE_HOST"], environment[f"{each}_SERVICE_PORT"]
        assert f"{name} {'AAAA' if ':' in host else 'A'} {host}" in lines(known)
        assert f"_main._tcp.{name} SRV 0 100 {port} {name}" in lines(known)


def test_zone_knows_no_service_without_ports() -> None:
    assert lines(system(service("worker"))) == []


def test_zone_gives_several_instances_names_of_their_own_and_equal_shares() -> None:
    known = system(service("adder", 8080), replicas=scaled(service("adder", 8080), 3))
    assert lines(known) == [
        "adder A 127.0.0.1",
        "adder-1.adder A 127.0.0.1",
        "_main._tcp.adder SRV 0 33 8080 adder-1.adder",
        "adder-2.adder A 127.0.0.1",
        "_main._tcp.adder SRV 0 33 8082 adder-2.adder",
        "adder-3.adder A 127.0.0.1",
        "_main._tcp.adder SRV 0 33 8083 adder-3.adder",
    ]


@pytest.mark.parametrize(("count", "weight"), [(1, 100), (2, 50), (3, 33), (7, 14), (100, 1)])
def test_zone_weights_are_a_hundred_shared_out(count: int, weight: int) -> None:
    one = service("adder", 8080)
    found = listed(zones(system(one, replicas=scaled(one, count))))
    assert [each.weight for each in found if each.type == "SRV"] == [weight] * count


def test_zone_leaves_out_instances_that_are_not_ready() -> None:
    one = service("adder", 8080)
    known = system(one, replicas=scaled(one, 3))
    assert lines(known, ready=("adder.3",)) == ["adder A 127.0.0.1", "_main._tcp.adder SRV 0 100 8083 adder"]


def test_zone_has_the_place_of_a_service_of_which_nothing_is_ready() -> None:
    one = service("adder", 8080)
    known = system(one, replicas=scaled(one, 3))
    assert lines(known, ready=()) == ["adder A 127.0.0.1", "_main._tcp.adder SRV 0 100 8080 adder"]


def test_zone_of_addresses_leads_back_to_what_is_at_them() -> None:
    one = service("adder", 8080, host="10.1.2.3")
    known = system(one, service("mongo", 1, host="fd00::5"), replicas=scaled(one, 2))
    found = {each.apex: [(record.name, record.address) for record in each.records] for each in zones(known)}
    assert found["2.1.10.in-addr.arpa"] == [
        ("3.2.1.10.in-addr.arpa", f"adder-1.adder.{DOMAIN}"),
        ("3.2.1.10.in-addr.arpa", f"adder-2.adder.{DOMAIN}"),
    ]
    [(name, target)] = found["0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa"]
    assert (name[:7], target) == ("5.0.0.0", f"mongo.{DOMAIN}")


# External records -------------------------------------------------------------------------------------------------


def test_zone_has_external_records_inside_and_outside_of_the_cluster() -> None:
    texts = (
        f"db.{DOMAIN} IN CNAME db.example.com",
        "db.example.com IN A 10.0.0.5",
        "db.example.com IN AAAA fd00::5",
        "_main._tcp.db.example.com. IN SRV 1 2 5432 DB.example.com.",
    )
    known = system(ADDER, dns_external=texts)
    assert [each.apex for each in zones(known)] == ["cluster.local", "0.0.127.in-addr.arpa", "db.example.com"]
    assert lines(known)[3:] == [
        "db CNAME db.example.com",
        "db.example.com A 10.0.0.5",
        "db.example.com AAAA fd00::5",
        "_main._tcp.db.example.com SRV 1 2 5432 db.example.com",
    ]


WITH_DNS = """
fuge_global:
  dns_enabled: true
  dns_namespace: micro
  dns_suffix: svc.cluster.local
  dns_external:
    - EXTERNAL
a:
  type: process
  run: x
  ports: [main=8080]
"""
FORMS = "NAME IN A ADDRESS, NAME IN AAAA ADDRESS, NAME IN CNAME TARGET or NAME IN SRV PRIORITY WEIGHT PORT TARGET"


@pytest.mark.parametrize(
    "text",
    [
        "db IN A",
        "db IN A 10.0.0",
        "db IN AAAA 10.0.0.1",
        "db IN MX 10 mail",
        "db A 10.0.0.1",
        "d..b IN A 10.0.0.1",
        "db IN SRV 0 0 65536 x",
        "db IN SRV 0 -1 80 x",
        "db IN SRV 80 x",
    ],
)
def test_external_record_that_is_none_is_a_fault_with_its_place(faults: Callable[..., list[str]], text: str) -> None:
    found = faults(WITH_DNS.replace("EXTERNAL", text))
    assert found == [f"fuge.yml:7:7 fuge_global.dns_external[0]: expected {FORMS}, found {text!r}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "db.example.com IN CNAME x.example.com",
            "a CNAME of a name below cluster.local; of another name, its address",
        ),
        ("a.micro.svc.cluster.local IN CNAME x", "a CNAME of a name that has no other record"),
    ],
)
def test_external_alias_must_stand_alone_in_the_cluster(
    faults: Callable[..., list[str]], text: str, expected: str
) -> None:
    [fault] = faults(WITH_DNS.replace("EXTERNAL", text))
    assert fault.startswith(f"fuge.yml:7:7 fuge_global.dns_external[0]: expected {expected}, found '")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("\na:", "\na_:", "fuge.yml:8:1 a_: expected a name for DNS: "),
        ("main=8080", "main-=8080", "fuge.yml:11:10 a.ports: expected ports with names for DNS: "),
        ("  run: x\n", "  run: x\n  host: localhost\n", "fuge.yml:11:9 a.host: expected an address such as 127.0.0.1"),
    ],
)
def test_what_dns_cannot_name_is_a_fault_if_it_is_enabled(
    faults: Callable[..., list[str]], old: str, new: str, fault: str
) -> None:
    text = WITH_DNS.replace("EXTERNAL", "db IN A 10.0.0.1").replace(old, new)
    [found] = faults(text)
    assert found.startswith(fault)
    assert faults(text.replace("dns_enabled: true", "dns_enabled: false")) == []


def test_dns_port_can_be_given_for_a_run(load: Callable[..., System], faults: Callable[..., list[str]]) -> None:
    text = WITH_DNS.replace("EXTERNAL", "db IN A 10.0.0.1")
    known = load(text, ports={"dns": 5300})
    assert known.dns_port == 5300
    assert discovery.environment(known, known.services["a"])["DNS_PORT"] == "5300"
    [fault] = faults(text, ports={"dns": 8080})
    assert "8080, which fuge_global" in fault
    assert "given for this run" in fault


# Zone files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("mongo=10.96.0.10", ("mongo", "10.96.0.10", None)),
        ("mongo=10.96.0.10:27017", ("mongo", "10.96.0.10", 27017)),
        ("mongo=[fd00::1]", ("mongo", "fd00::1", None)),
        ("mongo=[fd00::1]:80", ("mongo", "fd00::1", 80)),
    ],
)
def test_place_elsewhere_is_an_address_and_perhaps_a_port(word: str, place: tuple[str, str, int | None]) -> None:
    assert zone_file.elsewhere(word) == place


@pytest.mark.parametrize(
    "word", ["", "mongo", "mongo=", "=10.0.0.1", "mongo=x", "mongo=10.0.0.1:0", "mongo=10.0.0.1:70000"]
)
def test_place_elsewhere_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="expected SERVICE=ADDRESS or SERVICE=ADDRESS:PORT"):
        elsewhere(word)


def test_zone_file_has_services_at_other_places() -> None:
    known = zone_file.moved(system(ADDER), [Elsewhere("adder_service", "10.96.0.10", 80)])
    assert lines(known) == [
        "adder-service A 10.96.0.10",
        "_main._tcp.adder-service SRV 0 100 80 adder-service",
        "_admin._tcp.adder-service SRV 0 100 9090 adder-service",
    ]
