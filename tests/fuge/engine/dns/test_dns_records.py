"""What fuge's DNS server answers, asked with dnspython: names and records as in Kubernetes."""

import dns.flags
import dns.rcode
import dns.rdatatype
import pytest
from fuge_dns import DOMAIN, data, scaled, served, service, system

from concordant import NoSuchName, resolve

ONE = service("adder_service", 8080, 9090)
THREE = service("mongo", 27017)
SYSTEM = system(
    ONE,
    THREE,
    service("six", 1, host="fd00::6"),
    replicas=scaled(THREE, 3),
    dns_external=(
        f"near.{DOMAIN} IN CNAME six.{DOMAIN}",
        f"far.{DOMAIN} IN CNAME elsewhere.example.org",
        f"round.{DOMAIN} IN CNAME round.{DOMAIN}",
        "db.example.com IN A 10.0.0.5",
    ),
)
SOA = "ns.dns.cluster.local. hostmaster.cluster.local. "


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        (f"adder-service.{DOMAIN}", "A", ["127.0.0.1"]),
        (f"six.{DOMAIN}", "AAAA", ["fd00::6"]),
        (f"_main._tcp.adder-service.{DOMAIN}", "SRV", [f"0 100 8080 adder-service.{DOMAIN}."]),
        (f"_admin._tcp.adder-service.{DOMAIN}", "SRV", [f"0 100 9090 adder-service.{DOMAIN}."]),
        (
            f"_main._tcp.mongo.{DOMAIN}",
            "SRV",
            [f"0 33 {port} mongo-{n}.mongo.{DOMAIN}." for n, port in ((1, 27017), (2, 27019), (3, 27020))],
        ),
        (f"mongo-2.mongo.{DOMAIN}", "A", ["127.0.0.1"]),
        ("dns-version.cluster.local", "TXT", ['"1.1.0"']),
        (
            "1.0.0.127.in-addr.arpa",
            "PTR",
            [f"adder-service.{DOMAIN}.", *(f"mongo-{n}.mongo.{DOMAIN}." for n in (1, 2, 3))],
        ),
        ("cluster.local", "NS", ["ns.dns.cluster.local."]),
        ("db.example.com", "A", ["10.0.0.5"]),
        (f"far.{DOMAIN}", "CNAME", ["elsewhere.example.org."]),
        (f"far.{DOMAIN}", "A", []),
    ],
)
async def test_dns_has_the_records_of_kubernetes(name: str, kind: str, expected: list[str]) -> None:
    async with served(SYSTEM) as asker:
        for tcp in (False, True):
            answer = await asker.ask(name, kind, tcp=tcp)
            assert answer.rcode() == dns.rcode.NOERROR
            assert data(answer, kind) == expected
            assert answer.flags & dns.flags.AA
            assert not answer.flags & dns.flags.RA


async def test_dns_leads_back_from_an_ipv6_address() -> None:
    async with served(SYSTEM) as asker:
        assert await asker.texts("6." + "0." * 29 + "d.f.ip6.arpa", "PTR") == [f"six.{DOMAIN}."]


async def test_dns_srv_brings_the_addresses_of_its_targets_along() -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(f"_main._tcp.mongo.{DOMAIN}", "SRV")
        assert {str(rrset.name) for rrset in answer.additional} == {f"mongo-{n}.mongo.{DOMAIN}." for n in (1, 2, 3)}
        assert data(answer, "A", "additional") == ["127.0.0.1"] * 3
        answer = await asker.ask(f"_main._tcp.six.{DOMAIN}", "SRV")
        assert data(answer, "AAAA", "additional") == ["fd00::6"]


async def test_dns_keeps_answers_short_lived() -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(f"adder-service.{DOMAIN}")
        assert [rrset.ttl for rrset in answer.answer] == [1]


async def test_dns_follows_an_alias_to_what_it_knows() -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(f"near.{DOMAIN}", "AAAA")
        assert data(answer, "CNAME") == [f"six.{DOMAIN}."]
        assert data(answer, "AAAA") == ["fd00::6"]
        assert data(await asker.ask(f"far.{DOMAIN}"), "CNAME") == ["elsewhere.example.org."]


async def test_dns_ends_an_alias_of_itself() -> None:
    async with served(SYSTEM) as asker:
        assert data(await asker.ask(f"round.{DOMAIN}"), "CNAME") == [f"round.{DOMAIN}."]


# Names that are not there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"adder-service.{DOMAIN}", "AAAA"),
        (f"adder-service.{DOMAIN}", "SRV"),
        (f"_main._tcp.adder-service.{DOMAIN}", "A"),
        (f"adder-service.{DOMAIN}", "TYPE65280"),
        (f"_tcp.adder-service.{DOMAIN}", "A"),
        (DOMAIN, "A"),
        ("svc.cluster.local", "A"),
        ("pod.cluster.local", "A"),
        ("cluster.local", "A"),
        ("dns.cluster.local", "A"),
    ],
)
async def test_dns_says_of_a_name_that_it_has_no_such_record(name: str, kind: str) -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(name, kind)
        assert answer.rcode() == dns.rcode.NOERROR
        assert not answer.answer
        [start] = data(answer, "SOA", "authority")
        assert start.startswith(SOA)
        assert start.endswith(" 1")


@pytest.mark.parametrize(
    "name",
    [
        f"nope.{DOMAIN}",
        "adder-service.other.svc.cluster.local",
        f"_nope._tcp.adder-service.{DOMAIN}",
        f"_main._udp.adder-service.{DOMAIN}",
        f"mongo-4.mongo.{DOMAIN}",
        "1-2-3-4.micro.pod.cluster.local",
        "2.0.0.127.in-addr.arpa",
        r"adder-service\.micro.svc.cluster.local",
    ],
)
async def test_dns_says_that_a_name_is_not_there(name: str) -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(name)
        assert answer.rcode() == dns.rcode.NXDOMAIN
        assert not answer.answer
        assert len(answer.authority) == 1
        assert answer.authority[0].rdtype == dns.rdatatype.SOA
        assert answer.flags & dns.flags.AA


@pytest.mark.parametrize("name", ["example.com", "com", ".", "local", "xcluster.local", "1.0.0.10.in-addr.arpa"])
async def test_dns_refuses_names_that_are_not_its_own(name: str) -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(name)
        assert answer.rcode() == dns.rcode.REFUSED
        assert not answer.flags & dns.flags.AA


# Spelling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["adder-service", "adder_service", "ADDER_Service", "Adder-Service"])
async def test_dns_answers_every_spelling_of_a_name_in_that_spelling(spelled: str) -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(f"{spelled}.Micro.svc.CLUSTER.local")
        assert [rrset.name.to_text() for rrset in answer.answer] == [f"{spelled}.Micro.svc.CLUSTER.local."]
        [target] = data(await asker.ask(f"_MAIN._tcp.{spelled}.{DOMAIN}", "SRV"), "SRV")
        assert target == f"0 100 8080 adder-service.{DOMAIN}."


async def test_dns_any_gives_all_records() -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(f"six.{DOMAIN}", "ANY")
        assert data(answer, "AAAA") == ["fd00::6"]
        answer = await asker.ask("cluster.local", "ANY")
        assert {dns.rdatatype.to_text(rrset.rdtype) for rrset in answer.answer} == {"SOA", "NS"}


async def test_dns_of_a_system_without_namespace_has_short_names() -> None:
    async with served(system(ONE, dns_namespace="", dns_suffix="")) as asker:
        assert await asker.texts("adder_service") == ["127.0.0.1"]
        assert await asker.texts("_main._tcp.adder-service", "SRV") == ["0 100 8080 adder-service."]
        assert (await asker.ask("nope")).rcode() == dns.rcode.NXDOMAIN


async def test_dns_and_concordant_understand_each_other() -> None:
    async with served(SYSTEM) as asker:
        settings = {"DNS_HOST": "127.0.0.1", "DNS_PORT": str(asker.port)}
        found = await resolve(f"_main._tcp.mongo.{DOMAIN}", environment=settings)
        assert sorted(map(str, found)) == ["127.0.0.1:27017", "127.0.0.1:27019", "127.0.0.1:27020"]
        with pytest.raises(NoSuchName):
            await resolve(f"nope.{DOMAIN}", environment=settings)
