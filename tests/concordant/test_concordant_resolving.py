"""From names to endpoints, against a server on the loopback."""

import asyncio
import sys
from random import Random

import psutil
import pytest
from dns_fakes import Answer, FakeDns, saying, silent
from dnslib import CLASS, QTYPE, RD, RR, A, DNSRecord

import concordant
from concordant import (
    Endpoint,
    NoSuchName,
    NoSuchRecord,
    NotConfigured,
    ServerFailed,
    resolve,
    resolving,
    servers,
)

MICRO = {"DNS_NAMESPACE": "micro", "DNS_SUFFIX": "svc.cluster.local"}
MONGO = """
_main._tcp.mongo.micro.svc.cluster.local. 5 IN SRV 0 10 27017 mongo.micro.svc.cluster.local.
mongo.micro.svc.cluster.local. 3 IN A 127.0.0.1
"""
MONGO_FOUND = [Endpoint("127.0.0.1", 27017, 0, 10, 3)]


def many(count: int) -> str:
    """A service with that many replicas, each with a name of its own."""
    lines = []
    for number in range(count):
        lines.append(f"_main._tcp.web.test. 5 IN SRV 0 10 {8000 + number} web-{number}.web.test.")
        lines.append(f"web-{number}.web.test. 5 IN A 10.0.0.{number + 1}")
    return "\n".join(lines)


async def test_a_port_is_found_by_one_question() -> None:
    async with FakeDns(MONGO) as server:
        found = await resolve("_main._tcp.mongo.micro.svc.cluster.local", environment=server.environment)
        assert found == MONGO_FOUND
        assert found[0].target == "mongo.micro.svc.cluster.local"
        assert server.asked == ["SRV _main._tcp.mongo.micro.svc.cluster.local"]


async def test_addresses_of_both_kinds_come_with_the_port() -> None:
    zone = "_main._tcp.web.test. 5 IN SRV 0 0 80 web.test.\nweb.test. 5 IN AAAA ::1\nweb.test. 5 IN A 10.0.0.1"
    async with FakeDns(zone) as server:
        found = await resolve("_main._tcp.web.test", environment=server.environment)
        assert [each.host for each in found] == ["10.0.0.1", "::1"]
        assert server.asked == ["SRV _main._tcp.web.test"]


async def test_without_additional_section_a_and_aaaa_are_asked_for() -> None:
    zone = MONGO + "mongo.micro.svc.cluster.local. 9 IN AAAA ::1"
    async with FakeDns(zone, additional=False) as server:
        found = await resolve("_main._tcp.mongo.micro.svc.cluster.local", environment=server.environment)
        assert found == [*MONGO_FOUND, Endpoint("::1", 27017, 0, 10, 5)]
        host = "mongo.micro.svc.cluster.local"
        assert server.asked == [f"SRV _main._tcp.{host}", f"A {host}", f"AAAA {host}"]


async def test_what_the_additional_section_lacks_is_asked_for() -> None:
    async with FakeDns(many(3)) as server:

        def forgetful(query: DNSRecord, tcp: bool) -> bytes:
            reply = DNSRecord.parse(server.by_zone(query, tcp))
            del reply.ar[1:]
            wire: bytes = reply.pack()
            return wire

        server.answer = forgetful
        found = await resolve("_main._tcp.web.test", environment=server.environment)
        assert sorted(each.host for each in found) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        assert sorted(server.asked[1:]) == [f"{kind} web-{n}.web.test" for kind in ("A", "AAAA") for n in (1, 2)]


async def test_addresses_in_the_answer_itself_are_taken() -> None:
    async with FakeDns(many(1), additional=False) as server:

        def together(query: DNSRecord, tcp: bool) -> bytes:
            reply = query.reply()
            reply.add_answer(*server.records)
            wire: bytes = reply.pack()
            return wire

        server.answer = together
        assert await resolve("_main._tcp.web.test", environment=server.environment) == [
            Endpoint("10.0.0.1", 8000, 0, 10, 5)
        ]
        assert server.asked == ["SRV _main._tcp.web.test"]


@pytest.mark.parametrize(
    "added",
    [
        RR("other.test", QTYPE.A, ttl=5, rdata=A("10.9.9.9")),
        RR("web-0.web.test", QTYPE.A, CLASS.CH, 5, RD(b"\0\1\2")),  # a name and a number, in Chaosnet
        *RR.fromZone("web-0.web.test. 5 IN TXT 10.9.9.9"),
    ],
    ids=["of another name", "of another class", "of another type"],
)
async def test_what_is_no_address_of_the_target_is_not_taken_for_one(added: RR) -> None:
    async with FakeDns(many(1), additional=False) as server:

        def beside(query: DNSRecord, tcp: bool) -> bytes:
            reply = DNSRecord.parse(server.by_zone(query, tcp))
            reply.add_ar(added)
            wire: bytes = reply.pack()
            return wire

        server.answer = beside
        found = await resolve("_main._tcp.web.test", environment=server.environment)
        assert [str(each) for each in found] == ["10.0.0.1:8000"]


async def test_order_is_by_priority_and_chance() -> None:
    zone = """
    _main._tcp.web.test. 5 IN SRV 20 0 8003 c.test.
    _main._tcp.web.test. 5 IN SRV 10 50 8001 a.test.
    _main._tcp.web.test. 5 IN SRV 10 50 8002 b.test.
    a.test. 5 IN A 10.0.0.1
    b.test. 5 IN A 10.0.0.2
    c.test. 5 IN A 10.0.0.3
    """
    async with FakeDns(zone) as server:

        async def ports(seed: int) -> list[int | None]:
            found = await resolve("_main._tcp.web.test", environment=server.environment, random=Random(seed))
            return [each.port for each in found]

        by_seed = [await ports(seed) for seed in range(12)]
        assert by_seed == [await ports(seed) for seed in range(12)]
        assert {tuple(each) for each in by_seed} == {(8001, 8002, 8003), (8002, 8001, 8003)}


async def test_several_addresses_of_one_target_are_several_endpoints() -> None:
    async with FakeDns(MONGO + "mongo.micro.svc.cluster.local. 3 IN A 127.0.0.2") as server:
        found = await resolve("_main._tcp.mongo.micro.svc.cluster.local", environment=server.environment)
        assert sorted(map(str, found)) == ["127.0.0.1:27017", "127.0.0.2:27017"]


async def test_truncated_answer_is_asked_for_by_tcp() -> None:
    async with FakeDns(many(50)) as server:
        found = await resolve("_main._tcp.web.test", environment=server.environment)
        assert len(found) == 50
        assert server.asked == ["SRV _main._tcp.web.test", "tcp SRV _main._tcp.web.test"]


async def test_plain_name_gives_the_port_that_is_given() -> None:
    zone = "web.test. 7 IN A 10.0.0.1\nweb.test. 7 IN A 10.0.0.2\nweb.test. 8 IN AAAA fd00::1"
    async with FakeDns(zone) as server:
        found = await resolve("web.test", environment=server.environment, random=Random(0))
        assert sorted(found, key=lambda each: each.host) == [
            Endpoint("10.0.0.1", ttl=7),
            Endpoint("10.0.0.2", ttl=7),
            Endpoint("fd00::1", ttl=8),
        ]
        assert found[2].host == "fd00::1"
        found = await resolve("web.test", port=8080, environment=server.environment)
        assert {each.port for each in found} == {8080}


async def test_port_in_dns_goes_before_the_given_one() -> None:
    async with FakeDns(MONGO) as server:
        name = "_main._tcp.mongo.micro.svc.cluster.local"
        assert await resolve(name, port=1, environment=server.environment) == MONGO_FOUND


async def test_alias_is_followed() -> None:
    zone = """
    www.test. 2 IN CNAME web.test.
    web.test. 9 IN A 10.0.0.1
    _main._tcp.www.test. 2 IN CNAME _main._tcp.web.test.
    _main._tcp.web.test. 9 IN SRV 0 0 80 web.test.
    """
    async with FakeDns(zone) as server:
        found = await resolve("www.test", environment=server.environment)
        assert found == [Endpoint("10.0.0.1", ttl=2)]
        assert found[0].target == "web.test"
        assert await resolve("_main._tcp.www.test", environment=server.environment) == [Endpoint("10.0.0.1", 80, ttl=2)]


async def test_target_that_is_an_alias_is_followed() -> None:
    zone = """
    _main._tcp.web.test. 9 IN SRV 0 0 80 www.test.
    www.test. 2 IN CNAME web.test.
    web.test. 9 IN A 10.0.0.1
    """
    async with FakeDns(zone) as server:
        found = await resolve("_main._tcp.web.test", environment=server.environment)
        assert found == [Endpoint("10.0.0.1", 80, ttl=2)]


async def test_names_are_compared_without_case() -> None:
    zone = "_main._tcp.web.test. 5 IN SRV 0 0 80 WEB.test.\nweb.TEST. 5 IN A 10.0.0.1"
    async with FakeDns(zone) as server:
        assert await resolve("_MAIN._tcp.Web.test", environment=server.environment) == [Endpoint("10.0.0.1", 80, ttl=5)]
        assert len(server.asked) == 1


async def test_target_without_address_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    zone = many(2) + "\n_main._tcp.web.test. 5 IN SRV 0 10 8009 gone.web.test."
    caplog.set_level("INFO", "concordant")
    async with FakeDns(zone) as server:
        found = await resolve("_main._tcp.web.test", environment=server.environment)
        assert sorted(map(str, found)) == ["10.0.0.1:8000", "10.0.0.2:8001"]
        (told,) = caplog.messages
        assert told.startswith("left out: expected A or AAAA records of gone.web.test, the target of _main._tcp.web.te")


async def test_target_that_is_a_dot_is_not_asked_for() -> None:
    async with FakeDns(many(1) + "\n_main._tcp.web.test. 5 IN SRV 0 10 8009 .") as server:
        found = await resolve("_main._tcp.web.test", environment=server.environment)
        assert [str(each) for each in found] == ["10.0.0.1:8000"]
        assert server.asked == ["SRV _main._tcp.web.test"]


async def test_what_is_no_error_of_this_package_leaves_no_target_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(asker: object, name: str, led_by: str) -> tuple[str, resolving.Addresses]:
        return name, [("10.0.0.1", 100 // name.count("1"))]

    monkeypatch.setattr(resolving, "addresses_of", broken)
    async with FakeDns(many(2), additional=False) as server:
        with pytest.raises(ZeroDivisionError):
            await resolve("_main._tcp.web.test", environment=server.environment)


async def test_mode_a_asks_for_the_host_of_a_port() -> None:
    async with FakeDns("mongo.test. 3 IN A 127.0.0.1") as server:
        environment = server.environment | {"DNS_MODE": "A"}
        assert await resolve("_main._tcp.mongo.test", environment=environment) == [Endpoint("127.0.0.1", ttl=3)]
        found = await resolve("_main._tcp.mongo.test", port=27017, environment=environment)
        assert found == [Endpoint("127.0.0.1", 27017, ttl=3)]
        assert sorted(server.asked) == ["A mongo.test"] * 2 + ["AAAA mongo.test"] * 2


async def test_mode_a_takes_the_port_from_the_variable_of_the_service() -> None:
    async with FakeDns("price-list.test. 3 IN A 127.0.0.1") as server:
        environment = server.environment | {"DNS_MODE": "A", "PRICE_LIST_SERVICE_PORT_MAIN": "8101"}
        name = "_main._tcp.price-list.test"
        assert await resolve(name, environment=environment) == [Endpoint("127.0.0.1", 8101, ttl=3)]
        assert await resolve(name, port=80, environment=environment) == [Endpoint("127.0.0.1", 80, ttl=3)]
        assert await resolve("price-list.test", environment=environment) == [Endpoint("127.0.0.1", ttl=3)]
        with pytest.raises(NotConfigured) as caught:
            await resolve(name, environment=environment | {"PRICE_LIST_SERVICE_PORT_MAIN": "tcp://10.0.0.1:8101"})
        assert str(caught.value) == (
            "PRICE_LIST_SERVICE_PORT_MAIN: expected a port from 1 to 65535, found 'tcp://10.0.0.1:8101':"
            " correct it, or unset it, and give the port"
        )


async def test_where_dns_tells_the_port_no_variable_is_looked_at() -> None:
    async with FakeDns(MONGO) as server:
        environment = server.environment | {"MONGO_SERVICE_PORT_MAIN": "1"}
        assert await resolve("_main._tcp.mongo.micro.svc.cluster.local", environment=environment) == MONGO_FOUND


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_address_is_its_own_endpoint(address: str) -> None:
    found = await resolve(address, port=80, environment={"DNS_HOST": "127.0.0.1", "DNS_PORT": "1"})
    assert found == [Endpoint(address, 80, ttl=2**31 - 1)]
    assert found[0].target == address


async def test_short_name_is_searched_where_a_pod_would() -> None:
    async with FakeDns(MONGO) as server:
        environment = server.environment | MICRO
        assert await resolve("_main._tcp.mongo", environment=environment) == MONGO_FOUND
        assert await resolve("_main._tcp.mongo.micro", environment=environment) == MONGO_FOUND
        assert server.asked == [
            "SRV _main._tcp.mongo.micro.svc.cluster.local",
            "SRV _main._tcp.mongo.micro.micro.svc.cluster.local",
            "SRV _main._tcp.mongo.micro.svc.cluster.local",
        ]


async def test_complete_name_is_not_searched() -> None:
    async with FakeDns(MONGO + "other.test. 1 IN A 10.0.0.1") as server:
        environment = server.environment | MICRO
        await resolve("mongo.micro.SVC.cluster.local", environment=environment)
        await resolve("other.test.", environment=environment)
        assert {each.split()[1] for each in server.asked} == {"mongo.micro.SVC.cluster.local", "other.test"}


async def test_without_namespace_and_suffix_nothing_is_searched() -> None:
    async with FakeDns() as server:
        with pytest.raises(NoSuchName):
            await resolve("mongo", environment=server.environment)
        assert sorted(server.asked) == ["A mongo", "AAAA mongo"]


async def test_name_that_the_search_list_makes_too_long_is_asked_for_as_it_is() -> None:
    name = "a." + ".".join(["a" * 58] * 4)
    async with FakeDns(f"{name}. 5 IN A 10.0.0.1") as server:
        environment = server.environment | MICRO
        assert await resolve(name, environment=environment) == [Endpoint("10.0.0.1", ttl=5)]
        assert sorted(server.asked) == [
            *(f"A {name}", f"A {name}.cluster.local"),
            *(f"AAAA {name}", f"AAAA {name}.cluster.local"),
        ]


async def test_name_with_many_dots_is_asked_for_as_it_is_first() -> None:
    async with FakeDns("a.b.c.d.e.f.micro.svc.cluster.local. 5 IN A 10.0.0.1") as server:
        assert await resolve("a.b.c.d.e.f", environment=server.environment | MICRO)
        assert [each for each in server.asked if each.startswith("A ")] == [
            "A a.b.c.d.e.f",
            "A a.b.c.d.e.f.micro.svc.cluster.local",
        ]


@pytest.mark.parametrize("answer", [silent, saying("REFUSED"), saying("SERVFAIL")])
async def test_short_name_is_unknown_though_nobody_knows_the_top_level_domain(answer: Answer) -> None:
    async with FakeDns(MONGO) as server:
        server.answer = lambda query, tcp: (
            server.by_zone(query, tcp) if str(query.q.qname).endswith(".local.") else answer(query, tcp)
        )
        with pytest.raises(NoSuchName, match=r"\(tried _main._tcp.nope.micro.svc.cluster.local, _main._tcp.nope.svc"):
            await resolve("_main._tcp.nope", timeout=0.4, environment=server.environment | MICRO)


async def test_name_of_elsewhere_that_the_server_could_not_ask_for_is_not_called_unknown() -> None:
    async with FakeDns() as server:
        server.answer = lambda query, tcp: saying("SERVFAIL" if len(query.q.qname.label) == 2 else "NXDOMAIN")(
            query, tcp
        )
        with pytest.raises(ServerFailed):
            await resolve("example.com", environment=server.environment | MICRO)


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("nope.other", "REFUSED", NoSuchName),  # by a server that answers for its suffix alone
        ("nope.other", "NOERROR", NoSuchRecord),
        ("nope", "NOERROR", NoSuchRecord),
        ("_main._tcp.nope", "NOERROR", NoSuchRecord),
    ],
)
async def test_what_the_name_as_it_is_has_is_told_unless_that_is_no_news(
    name: str, code: str, kind: type[Exception]
) -> None:
    async with FakeDns() as server:
        server.answer = lambda query, tcp: saying("NXDOMAIN" if query.q.qname.matchSuffix("local") else code)(
            query, tcp
        )
        with pytest.raises(concordant.ConcordantError) as caught:
            await resolve(name, environment=server.environment | MICRO)
        assert type(caught.value) is kind


async def test_environment_is_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeDns("web.test. 5 IN A 10.0.0.1") as one, FakeDns("web.test. 5 IN A 10.0.0.2") as two:
        monkeypatch.setenv("DNS_HOST", "127.0.0.1")
        for server, address in ((one, "10.0.0.1"), (two, "10.0.0.2")):
            monkeypatch.setenv("DNS_PORT", str(server.port))
            assert (await resolve("web.test"))[0].host == address


async def test_dns_host_may_be_a_name() -> None:
    async with FakeDns(MONGO) as server:
        environment = server.environment | {"DNS_HOST": "localhost"}  # ::1 as well, where nobody listens
        assert await resolve("_main._tcp.mongo.micro.svc.cluster.local", environment=environment) == MONGO_FOUND


@pytest.mark.parametrize("broken", [silent, saying("SERVFAIL"), saying("NXDOMAIN")])
async def test_ipv4_is_enough_where_aaaa_is_never_answered(broken: Answer) -> None:
    async with FakeDns("web.test. 5 IN A 10.0.0.1") as server:
        server.answer = lambda query, tcp: (
            broken(query, tcp) if query.q.qtype == QTYPE.AAAA else server.by_zone(query, tcp)
        )
        found = await asyncio.wait_for(resolve("web.test", timeout=60, environment=server.environment), 20)
        assert found == [Endpoint("10.0.0.1", ttl=5)]


@pytest.mark.parametrize("broken", [saying("SERVFAIL"), saying("NXDOMAIN")])
async def test_ipv4_is_waited_for_where_aaaa_fails_at_once(broken: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "GRACE", 0.0)
    monkeypatch.setattr(servers, "RETRY", 0.1)
    async with FakeDns("web.test. 5 IN A 10.0.0.1") as server:

        def late(query: DNSRecord, tcp: bool) -> bytes | None:
            if query.q.qtype == QTYPE.AAAA:
                return broken(query, tcp)
            return server.by_zone(query, tcp) if server.asked.count("A web.test") > 1 else None

        server.answer = late
        found = await resolve("web.test", timeout=60, environment=server.environment)
        assert found == [Endpoint("10.0.0.1", ttl=5)]


async def test_ipv6_that_comes_a_little_later_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "GRACE", 30.0)
    monkeypatch.setattr(servers, "RETRY", 0.1)
    async with FakeDns("web.test. 5 IN A 10.0.0.1\nweb.test. 5 IN AAAA ::1") as server:

        def late(query: DNSRecord, tcp: bool) -> bytes | None:
            lost = query.q.qtype == QTYPE.AAAA and server.asked.count("AAAA web.test") == 1
            return None if lost else server.by_zone(query, tcp)

        server.answer = late
        found = await resolve("web.test", timeout=60, environment=server.environment)
        assert [each.host for each in found] == ["10.0.0.1", "::1"]


async def test_of_several_targets_that_lead_nowhere_the_first_by_name_is_told() -> None:
    names = ["mongo.test", "adder.test", "web.test"]
    async with FakeDns("\n".join(f"_main._tcp.web.test. 5 IN SRV 0 1 80 {name}." for name in names)) as server:
        server.answer = lambda query, tcp: (
            server.by_zone(query, tcp) if query.q.qtype == QTYPE.SRV else saying("NXDOMAIN")(query, tcp)
        )
        with pytest.raises(NoSuchName, match="of adder.test, the target of _main._tcp.web.test, but"):
            await resolve("_main._tcp.web.test", environment=server.environment)


@pytest.mark.parametrize("kinds", [(QTYPE.A, QTYPE.AAAA), (QTYPE.AAAA, QTYPE.A)], ids=["A", "AAAA"])
@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("SERVFAIL", "NXDOMAIN", ServerFailed),
        ("SERVFAIL", "NOERROR", ServerFailed),
        ("NOERROR", "NXDOMAIN", NoSuchRecord),
    ],
)
async def test_of_two_failures_the_one_that_leaves_most_hope_is_told(
    kinds: tuple[int, int], one: str, other: str, kind: type[Exception]
) -> None:
    async with FakeDns() as server:
        server.answer = lambda query, tcp: saying(one if query.q.qtype == kinds[0] else other)(query, tcp)
        with pytest.raises(concordant.ConcordantError) as caught:
            await resolve("web.test", environment=server.environment)
        assert type(caught.value) is kind


async def test_lost_packet_is_sent_again() -> None:
    async with FakeDns(MONGO) as server:
        server.answer = lambda query, tcp: server.by_zone(query, tcp) if len(server.asked) > 1 else None
        name = "_main._tcp.mongo.micro.svc.cluster.local"
        assert await resolve(name, timeout=60, environment=server.environment) == MONGO_FOUND
        assert len(server.asked) == 2


async def test_answers_to_other_questions_are_not_taken() -> None:
    """As those are that somebody else sends, who guesses."""
    async with FakeDns(MONGO) as server:

        def forged(query: DNSRecord, tcp: bool) -> bytes:
            reply = query.reply()
            reply.header.id ^= 1
            reply.add_answer(*RR.fromZone(f"{query.q.qname} 5 IN SRV 0 0 666 mongo.micro.svc.cluster.local."))
            server.udp.sendto(reply.pack(), address[0])
            server.udp.sendto(b"\0\1", address[0])
            return server.by_zone(query, tcp)

        address: list[tuple[str, int]] = []
        protocol = server.udp.get_protocol()
        take = protocol.datagram_received
        protocol.datagram_received = lambda data, sender: (address.append(sender), take(data, sender))
        server.answer = forged
        name = "_main._tcp.mongo.micro.svc.cluster.local"
        assert await resolve(name, environment=server.environment) == MONGO_FOUND


@pytest.mark.parametrize("length", [0, 5, 12, 40])
async def test_answer_by_tcp_that_breaks_off_is_a_failed_server(length: int) -> None:
    async with FakeDns(many(50)) as server:
        server.answer = lambda query, tcp: server.by_zone(query, tcp)[: length if tcp else None]
        with pytest.raises(ServerFailed, match="by TCP"):
            await resolve("_main._tcp.web.test", environment=server.environment)


async def test_many_at_once_do_not_disturb_each_other() -> None:
    async with FakeDns(many(50), additional=False) as server:
        found = await asyncio.gather(
            *(resolve(f"web-{number}.web.test", environment=server.environment, timeout=60) for number in range(50))
        )
        assert [each[0].host for each in found] == [f"10.0.0.{number + 1}" for number in range(50)]


async def test_cancelling_leaves_nothing_behind() -> None:
    async with FakeDns(many(2), additional=False) as server:
        all_asked = asyncio.Event()

        def only_srv(query: DNSRecord, tcp: bool) -> bytes | None:
            if len(server.asked) == 5:
                all_asked.set()
            return server.by_zone(query, tcp) if query.q.qtype == QTYPE.SRV else None

        server.answer = only_srv
        looking = asyncio.create_task(resolve("_main._tcp.web.test", environment=server.environment))
        await all_asked.wait()
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not for Windows")
def test_it_works_on_uvloop_too() -> None:
    import uvloop

    async def look() -> None:
        async with FakeDns(many(50)) as server:
            found = await resolve("_main._tcp.web.test", environment=server.environment)
            assert len(found) == 50
            port = server.port
        with pytest.raises(concordant.NobodyAnswered, match="nothing listens there"):
            await resolve("web.test", timeout=20, environment={"DNS_HOST": "127.0.0.1", "DNS_PORT": str(port)})
        ipv6 = {"DNS_HOST": "::1", "DNS_PORT": str(port)}
        with pytest.raises(concordant.NobodyAnswered):
            await resolve("web.test", timeout=2, environment=ipv6)

    uvloop.run(look())


async def test_service_that_is_not_offered_has_no_record() -> None:
    async with FakeDns("_main._tcp.web.test. 5 IN SRV 0 0 0 .") as server:
        with pytest.raises(NoSuchRecord) as caught:
            await resolve("_main._tcp.web.test", environment=server.environment)
        assert str(caught.value) == (
            f"expected SRV records of _main._tcp.web.test, but 127.0.0.1:{server.port} (DNS_HOST) says that this"
            " service is not offered (its target is a dot, RFC 2782): ask for another one"
        )


async def test_an_answer_with_many_targets_does_not_take_as_many_sockets() -> None:
    names = [f"t{number}.test" for number in range(300)]
    zone = [f"_main._tcp.web.test. 5 IN SRV 0 1 80 {name}." for name in names]
    async with FakeDns("\n".join([*zone, *(f"{name}. 5 IN A 10.0.0.1" for name in names)]), additional=False) as server:
        used, by_zone = [], server.by_zone

        def counting(query: DNSRecord, tcp: bool) -> bytes:
            used.append(psutil.Process().num_fds())
            return by_zone(query, tcp)

        server.answer = counting
        found = await resolve("_main._tcp.web.test", timeout=60, environment=server.environment)
        assert len(found) == 1  # all are at one place
        assert len(used) > 600
        assert max(used) - min(used) < 150


@pytest.mark.parametrize("turns", range(8))
async def test_one_that_is_cancelled_ends_as_such_though_the_answer_comes_at_that_moment(turns: int) -> None:
    """`turns` of the event loop after the server's answer: in one of them asyncio.wait_for loses it on Python 3.11."""
    async with FakeDns(MONGO) as server:
        name = "_main._tcp.mongo.micro.svc.cluster.local"
        asking = asyncio.create_task(resolve(name, environment=server.environment))
        while not server.asked:  # noqa: ASYNC110 (a turn of the event loop each time)
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        if asking.cancel():
            await asyncio.wait([asking])
            assert asking.cancelled()
