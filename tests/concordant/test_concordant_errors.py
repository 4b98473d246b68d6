"""Each way to fail: its class, and what it tells: who was asked what, what was found, what to do."""

import asyncio
import socket
import time
from pathlib import Path
from random import Random

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest
from dns_fakes import TRUNCATED, Answer, FakeDns, saying, silent
from dnslib import RR, DNSRecord

from concordant import (
    ConcordantError,
    NobodyAnswered,
    NoSuchName,
    NoSuchRecord,
    NotConfigured,
    ServerFailed,
    ServerNotFound,
    ServerRefused,
    asking,
    resolve,
    servers,
)

SRV = "_main._tcp.web.test"
FIX_SERVER = "start the DNS server there, correct DNS_HOST and DNS_PORT, or unset DNS_HOST for the system's resolver"
FIX_NAMES = "check the names of port, service, namespace and suffix, and whether the service runs"


async def failing(server: FakeDns, name: str, timeout: float = 5, **environment: str) -> ConcordantError:  # noqa: ASYNC109
    with pytest.raises(ConcordantError) as caught:
        await resolve(name, timeout=timeout, environment=server.environment | environment)
    return caught.value


def told(server: FakeDns, text: str) -> str:
    return text.replace("SERVER", f"127.0.0.1:{server.port} (DNS_HOST)").replace("port PORT", f"port {server.port}")


async def test_no_such_name() -> None:
    async with FakeDns() as server:
        error = await failing(server, SRV)
        assert type(error) is NoSuchName
        text = f"expected SRV records of {SRV}, but SERVER knows no such name: {FIX_NAMES}"
        assert str(error) == told(server, text)
        error = await failing(server, "web.test")
        text = "expected A or AAAA records of web.test, but SERVER knows no such name:"
        advice = "check the names of service, namespace and suffix, and whether the service runs"
        assert str(error) == told(server, f"{text} {advice}")


async def test_no_such_name_lists_what_was_tried() -> None:
    async with FakeDns() as server:
        error = await failing(server, "_main._tcp.web", DNS_NAMESPACE="micro", DNS_SUFFIX="lan")
        assert type(error) is NoSuchName
        text = (
            "expected SRV records of _main._tcp.web, but SERVER knows no such name"
            f" (tried _main._tcp.web.micro.lan, _main._tcp.web.lan, _main._tcp.web): {FIX_NAMES}"
        )
        assert str(error) == told(server, text)


async def test_no_such_record() -> None:
    async with FakeDns(f"web.test. 5 IN TXT x\n{SRV}. 5 IN TXT x") as server:
        error = await failing(server, SRV)
        assert type(error) is NoSuchRecord
        advice = "check the names of port and protocol, or ask for the name without them and give the port"
        assert str(error) == told(server, f"expected SRV records of {SRV}, but SERVER has none: {advice}")
        error = await failing(server, "web.test")
        assert type(error) is NoSuchRecord
        advice = "check the name, or ask for the port by its name, as in _main._tcp.web.test"
        assert str(error) == told(server, f"expected A or AAAA records of web.test, but SERVER has none: {advice}")


async def test_alias_that_leads_nowhere() -> None:
    async with FakeDns("www.test. 5 IN CNAME web.test.\nout.test. 5 IN CNAME web.other.") as server:
        error = await failing(server, "www.test")
        assert type(error) is NoSuchName
        assert "knows no such name (it is an alias of web.test, which does not exist): check" in str(error)

        def only_alias(query: DNSRecord, tcp: bool) -> bytes:
            reply = query.reply()
            reply.add_answer(*RR.fromZone("out.test. 5 IN CNAME web.other."))
            wire: bytes = reply.pack()
            return wire

        server.answer = only_alias
        error = await failing(server, "out.test")
        assert type(error) is NoSuchRecord
        assert "has none (it is an alias of web.other): check" in str(error)


async def test_aliases_in_a_circle_are_a_failed_server() -> None:
    async with FakeDns() as server:

        def circle(query: DNSRecord, tcp: bool) -> bytes:
            reply = query.reply()
            reply.add_answer(*RR.fromZone("a.test. 5 IN CNAME b.test.\nb.test. 5 IN CNAME a.test."))
            wire: bytes = reply.pack()
            return wire

        server.answer = circle
        error = await failing(server, "a.test")
        assert type(error) is ServerFailed
        start = "expected A or AAAA records of a.test, but SERVER failed to answer (127.0.0.1 port PORT: "
        assert str(error).startswith(told(server, start))


async def test_target_without_address() -> None:
    async with FakeDns(f"{SRV}. 5 IN SRV 0 0 80 web.test.\nweb.test. 5 IN TXT x") as server:
        error = await failing(server, SRV)
        assert type(error) is NoSuchRecord
        text = f"expected A or AAAA records of web.test, the target of {SRV}, but SERVER has none: correct the zone,"
        assert str(error) == told(server, f"{text} where an SRV record must lead to a name with addresses")


async def test_final_dot_of_a_name_is_not_told() -> None:
    zone = f"{SRV}. 5 IN SRV 0 0 80 gone.test.\nweb.test. 5 IN TXT x"
    async with FakeDns(zone) as server:
        for name in (SRV, "web.test", "nope.test"):
            assert str(await failing(server, f"{name}.")) == str(await failing(server, name))


async def test_nobody_answers() -> None:
    async with FakeDns(answer=silent) as server:
        error = await failing(server, SRV, timeout=0.3)
        assert type(error) is NobodyAnswered
        assert error.temporary
        found = "did not answer within 0.3 s (127.0.0.1 port PORT: no answer)"
        assert str(error) == told(server, f"expected SRV records of {SRV}, but SERVER {found}: {FIX_SERVER}")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_nothing_listens_and_that_is_noticed_at_once(host: str) -> None:
    async with FakeDns() as server:
        port = server.port
    started = time.monotonic()
    with pytest.raises(NobodyAnswered) as caught:
        await resolve(SRV, timeout=60, environment={"DNS_HOST": host, "DNS_PORT": str(port)})
    assert time.monotonic() - started < 30
    shown = f"[{host}]" if ":" in host else host
    start = f"expected SRV records of {SRV}, but {shown}:{port} (DNS_HOST) cannot be reached ("
    assert str(caught.value).startswith(start)
    assert "nothing listens there" in str(caught.value)
    assert str(caught.value).endswith(f"): {FIX_SERVER}")


async def test_all_questions_share_one_time() -> None:
    """Nothing answers here but the first question, whose two targets are asked for then."""
    zone = f"{SRV}. 5 IN SRV 0 0 80 a.test.\n{SRV}. 5 IN SRV 0 0 80 b.test."
    async with FakeDns(zone) as server:
        server.answer = lambda query, tcp: server.by_zone(query, tcp) if len(server.asked) == 1 else None
        error = await asyncio.wait_for(failing(server, SRV, timeout=0.5), 20)
        assert type(error) is NobodyAnswered
        assert "did not answer within 0.5 s" in str(error)


async def test_each_question_has_what_is_left_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []

    async def unknown(self: object, name: object, kind: str, *, lifetime: float, backend: object) -> None:
        left.append(lifetime)
        raise dns.resolver.NXDOMAIN(qnames=[name], responses={})

    monkeypatch.setattr(dns.asyncresolver.Resolver, "resolve", unknown)
    with pytest.raises(NoSuchName):
        await resolve(SRV, timeout=60, environment={"DNS_HOST": "127.0.0.1", "DNS_NAMESPACE": "micro"})
    assert len(left) == 4
    assert 60 >= left[0] >= left[1] >= left[2] >= left[3] > 0


@pytest.mark.parametrize(("code", "kind"), [("SERVFAIL", ServerFailed), ("REFUSED", ServerRefused)])
async def test_server_fails_or_refuses(code: str, kind: type[ConcordantError]) -> None:
    async with FakeDns(answer=saying(code)) as server:
        error = await failing(server, SRV)
        assert type(error) is kind
        assert error.temporary == (kind is ServerFailed)
        found = "failed" if kind is ServerFailed else "does not want"
        assert told(server, f"but SERVER {found} to answer") in str(error)
        assert told(server, f"(127.0.0.1 port PORT: {code})") in str(error)


async def test_servers_that_fail_in_several_ways_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(host: str, seconds: float) -> list[str]:
        return ["::1", "127.0.0.1"]

    monkeypatch.setattr(servers, "addresses_of", two)
    async with FakeDns(answer=saying("REFUSED")) as server:
        error = await failing(server, SRV, DNS_HOST="dns.test")
        assert type(error) is ServerFailed
        place = f"port {server.port}"
        assert str(error) == (
            f"expected SRV records of {SRV}, but dns.test:{server.port} (DNS_HOST) failed to answer"
            f" (::1 {place}: nothing listens there; 127.0.0.1 {place}: REFUSED): see its log, and try again"
        )


def test_what_servers_did_is_told_once_each() -> None:
    one, other = "Do53:10.0.0.1@53", "Do53:fd00::1@53"
    failures = [(one, False, 53, "SERVFAIL", None), (one, False, 53, "SERVFAIL", None), (other, True, 53, "X", None)]
    assert asking.told(failures) == " (10.0.0.1 port 53: SERVFAIL; fd00::1 port 53 by TCP: X)"
    assert asking.told([]) == ""


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ("SERVFAIL", "SERVFAIL"),
        (dns.exception.Timeout(), "no answer"),
        (ConnectionRefusedError(111, "refused"), "nothing listens there"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
        (OSError("odd"), "odd"),
        (EOFError("cut off"), "cut off"),
        (EOFError(), "EOFError"),
    ],
)
def test_what_a_server_did_is_told_in_a_few_words(found: object, text: str) -> None:
    assert asking.plain(found) == text


@pytest.mark.parametrize("code", ["FORMERR", "NOTIMP", "YXDOMAIN", "NOTAUTH"])
async def test_other_codes_are_a_failed_server(code: str) -> None:
    async with FakeDns(answer=saying(code)) as server:
        assert type(await failing(server, SRV)) is ServerFailed
        assert type(await failing(server, "web.test")) is ServerFailed


async def test_code_that_ends_the_search_is_told() -> None:
    async with FakeDns(answer=saying("YXDOMAIN")) as server:
        text = str(await failing(server, SRV))
        assert text.startswith(told(server, f"expected SRV records of {SRV}, but SERVER did not give an answer ("))
        assert text.endswith("): see its log")


@pytest.mark.parametrize(
    "answer",
    [
        lambda query, tcp: b"",
        lambda query, tcp: b"\xff" * 20,
        lambda query, tcp: query.pack(),
        lambda query, tcp: query.pack()[:2] + b"\x81\x80\0\1\0\1" + b"\xc0\x0c" * 30,
    ],
    ids=["empty", "noise", "the question itself", "pointers in a circle"],
)
async def test_answers_that_are_none_are_not_taken(answer: Answer) -> None:
    async with FakeDns(answer=answer) as server:
        assert type(await failing(server, SRV, timeout=0.3)) in (NobodyAnswered, ServerFailed)


@pytest.mark.parametrize("by_tcp", [False, True], ids=["udp", "tcp"])
async def test_damaged_answers_raise_nothing_but_our_errors(by_tcp: bool) -> None:
    chance = Random(6)
    async with FakeDns(f"{SRV}. 5 IN SRV 0 0 80 a.test.\na.test. 5 IN A 10.0.0.1\na.test. 5 IN AAAA ::1") as server:

        def damaged(query: DNSRecord, tcp: bool) -> bytes:
            wire = bytearray(server.by_zone(query, tcp))
            if by_tcp and not tcp:
                wire[2] |= TRUNCATED
                return wire
            for _ in range(chance.choice([1, 1, 2, 5])):
                wire[chance.randrange(2, len(wire))] = chance.choice([0, 1, 0xC0, 0xFF, chance.randrange(256)])
            return wire[: chance.choice([None, None, chance.randrange(len(wire))])]

        server.answer = damaged
        looking = (resolve(SRV, timeout=2, environment=server.environment) for _ in range(300))
        results = await asyncio.gather(*looking, return_exceptions=True)
        found = [result for result in results if isinstance(result, list)]
        assert found
        assert all(isinstance(endpoint.host, str) for endpoints in found for endpoint in endpoints)
        failed = [result for result in results if not isinstance(result, list)]
        assert failed
        assert [error for error in failed if not isinstance(error, ConcordantError)] == []


async def test_dns_host_that_nobody_knows() -> None:
    for host in ("no-such-host.invalid", "a" * 64, "x..y"):
        with pytest.raises((ServerNotFound, NobodyAnswered)) as caught:
            await resolve(SRV, environment={"DNS_HOST": host})
        assert repr(host) in str(caught.value)
        assert "DNS_HOST" in str(caught.value)


async def test_dns_host_that_is_not_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*arguments: object, **named: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never, raising=False)
    with pytest.raises(NobodyAnswered, match=r"address of 'dns.test' \(DNS_HOST\), found none within 0.1 s"):
        await resolve(SRV, timeout=0.1, environment={"DNS_HOST": "dns.test"})


async def test_environment_that_is_not_as_it_must_be() -> None:
    with pytest.raises(NotConfigured, match="DNS_PORT: expected a port"):
        await resolve(SRV, environment={"DNS_HOST": "127.0.0.1", "DNS_PORT": "dns"})


@pytest.mark.parametrize("text", ["", "search test\n", None])
def test_system_without_nameserver_is_not_configured(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "resolv.conf"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(NotConfigured) as caught:
        servers.system(str(path))
    assert str(caught.value).startswith(f"expected a nameserver in {path}, found none (")
    assert str(caught.value).endswith("): add `nameserver ADDRESS`, or set DNS_HOST")


def test_nameserver_that_is_no_address_is_told(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver dns.test\n", encoding="utf-8")
    with pytest.raises(NotConfigured, match="expected addresses of nameservers in"):
        servers.system(str(path))


def test_system_reads_its_configuration_anew(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    for address in ("10.0.0.1", "10.0.0.2"):
        path.write_text(f"nameserver {address}\nsearch micro.lan lan\noptions ndots:5\n", encoding="utf-8")
        found = servers.system(str(path))
        assert found.text == f"{address} ({path})"
        assert [str(each) for each in found.resolver.search] == ["micro.lan.", "lan."]
        assert found.resolver.ndots == 5


def test_errors_have_a_code_and_are_not_temporary_unless_they_say_otherwise() -> None:
    assert (ConcordantError.code, ConcordantError.temporary) == ("EDNS", False)


def test_notebooks_show_one_line() -> None:
    assert NoSuchName("x: y")._render_traceback_() == ["NoSuchName: x: y"]


async def test_network_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*arguments: object, **named: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(servers.Connected, "make_socket", unreachable)
    with pytest.raises(NobodyAnswered, match=r"cannot be reached \(192.0.2.1 port 53053: Network is unreachable\)"):
        await resolve(SRV, environment={"DNS_HOST": "192.0.2.1"})


def test_free_sockets_are_left() -> None:
    """Lookups that failed close what they opened; an unclosed socket would be a warning, thus an error."""

    async def look() -> None:
        async with FakeDns(answer=silent) as server:
            await asyncio.gather(*(failing(server, SRV, timeout=0.1) for _ in range(20)))

    before = open_sockets()
    asyncio.run(look())
    assert open_sockets() == before


def open_sockets() -> int:
    """How many descriptors below a fresh one are in use."""
    with socket.socket() as probe:
        return probe.fileno()
