"""dns: who is asked when, what follows from the answer, and what callers see when there is none."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dns_fakes import FakeDns, saying, silent
from dnslib import RR
from mu_fakes import until

from mu import ConnectFailed, Mu, MuError, dns, http, overlay, tcp
from mu.transport import described

NAME = "_main._tcp.audit-service.micro.svc.cluster.local"
ASK = f"SRV {NAME}"


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNS_NAMESPACE", "micro")
    monkeypatch.setenv("DNS_SUFFIX", "svc.cluster.local")
    monkeypatch.delenv("DNS_LOOKUP_INTERVAL", raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeDns], FakeDns]:
    """Makes a server that runs the one that is asked."""

    def use(server: FakeDns) -> FakeDns:
        for variable, value in server.environment.items():
            monkeypatch.setenv(variable, value)
        return server

    return use


Asked = Callable[[FakeDns], FakeDns]


def zone(*ends: tuple[int, int, int], ttl: int = 300) -> str:
    """Of (priority, weight, port)."""
    lines = [f"{NAME}. {ttl} IN SRV {priority} {weight} {port} host.micro." for priority, weight, port in ends]
    return "\n".join([*lines, f"host.micro. {ttl} IN A 127.0.0.1"])


def tell(server: FakeDns, *ends: tuple[int, int, int]) -> None:
    server.records = RR.fromZone(zone(*ends, ttl=0))


class Service:
    """Answers with its port; `held` back while that is not set."""

    def __init__(self, transport: Any = tcp, port: int = 0) -> None:
        self.server = transport.server(port=port)
        self.go = asyncio.Event()
        self.go.set()
        self.handled = 0
        self.mu = Mu(f"service {port}")
        self.mu.define({"role": "audit"}, self.answer)
        self.mu.inbound("*", self.server)

    async def answer(self, args: dict[str, Any]) -> int:
        self.handled += 1
        await self.go.wait()
        return self.port

    @property
    def port(self) -> int:
        return int(self.server.port)


@asynccontextmanager
async def services(count: int, transport: Any = tcp) -> AsyncIterator[list[Service]]:
    found = [Service(transport) for _ in range(count)]
    for each in found:
        await each.mu.start()
    yield found
    for each in found:
        await each.mu.tear_down(0)


@asynccontextmanager
async def caller(transport: Any = tcp, **options: Any) -> AsyncIterator[tuple[Mu, Any]]:
    client = dns(transport, name="audit_service", port_name="_main", **options)
    mu = Mu("caller", timeout=10)
    mu.outbound({"role": "audit"}, client)
    async with mu:
        yield mu, client


async def ask(mu: Mu) -> Any:
    return await mu.dispatch({"role": "audit"})


async def until_answered(mu: Mu, expected: object) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if await ask(mu) == expected:
                    return
            except ConnectFailed:
                pass
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("transport", [tcp, http], ids=["tcp", "http"])
async def test_dns_answers_a_burst_by_one_lookup(asked: Asked, transport: Any) -> None:
    async with services(1, transport) as [one], FakeDns(zone((0, 10, one.port))) as server:
        asked(server)
        async with caller(transport) as (mu, client):
            assert await asyncio.gather(*(ask(mu) for _ in range(50))) == [one.port] * 50
            assert client.stats()["lookups"] == 1


async def test_dns_is_asked_at_the_first_message_if_it_was_added_after_the_start(asked: Asked) -> None:
    async with services(1) as [one], FakeDns(zone((0, 10, one.port))) as server, Mu() as mu:
        asked(server)
        mu.outbound({"role": "audit"}, dns(tcp, name="audit_service"))
        assert await asyncio.gather(*(ask(mu) for _ in range(5))) == [one.port] * 5


@pytest.mark.parametrize("turns", range(8))
async def test_dns_ends_though_an_answer_comes_at_that_moment(asked: Asked, turns: int) -> None:
    """`turns` of the event loop after the server was asked."""
    async with FakeDns(zone((0, 10, 1))) as server:
        asked(server)
        async with caller() as (mu, _):
            while not server.asked:  # noqa: ASYNC110 (a turn of the event loop each time)
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(10):
                await mu.tear_down(0)


async def test_dns_that_knows_no_such_name_is_asked_again(asked: Asked) -> None:
    async with services(1) as [one], FakeDns() as server:
        asked(server)
        async with caller() as (mu, client):
            with pytest.raises(ConnectFailed, match=f"{NAME}.*127.0.0.1:{server.port}.*no such name") as raised:
                await ask(mu)
            assert raised.value.retryable
            assert not client.available
            tell(server, (0, 10, one.port))
            await until_answered(mu, one.port)
            assert client.available
            server.answer = saying("NXDOMAIN")
            await until(lambda: not client.parts)
            with pytest.raises(ConnectFailed, match="no such name"):
                await ask(mu)


async def test_dns_that_fails_leaves_its_last_answer(asked: Asked) -> None:
    async with services(2) as [one, two], FakeDns(zone((0, 10, one.port), ttl=0)) as server:
        asked(server)
        async with caller() as (mu, client):
            assert await ask(mu) == one.port
            server.answer = saying("SERVFAIL")
            await until(lambda: client.stats()["lookups failed"])
            assert await ask(mu) == one.port
            server.answer = server.by_zone
            tell(server, (0, 10, two.port))
            await until_answered(mu, two.port)


async def test_dns_that_is_down_at_the_start_stops_nobody(asked: Asked) -> None:
    async with services(1) as [one], FakeDns(answer=saying("SERVFAIL")) as server:
        asked(server)
        async with caller() as (mu, _):
            with pytest.raises(ConnectFailed, match=f"{NAME}.*127.0.0.1:{server.port}"):
                await ask(mu)
            server.answer = server.by_zone
            tell(server, (0, 10, one.port))
            await until_answered(mu, one.port)


async def test_dns_that_is_silent_ends_each_call_by_its_deadline(asked: Asked) -> None:
    async with FakeDns(answer=silent) as server:
        asked(server)
        async with caller() as (mu, _):
            calls = (mu.dispatch({"role": "audit"}, timeout=1.0) for _ in range(5))
            for error in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(error, MuError)
                assert not error.sent


async def test_dns_says_who_was_silent_before_the_deadline(asked: Asked) -> None:
    async with FakeDns(answer=silent) as server:
        asked(server)
        async with caller() as (mu, _):
            with pytest.raises(ConnectFailed, match=f"{NAME} is not found.*127.0.0.1:{server.port}"):
                await ask(mu)


async def test_dns_follows_an_endpoint_that_moves_and_lets_calls_in_flight_end(asked: Asked) -> None:
    async with services(2) as [one, two], FakeDns(zone((0, 10, one.port), ttl=0)) as server:
        asked(server)
        async with caller() as (mu, client):
            one.go.clear()
            call = asyncio.create_task(ask(mu))
            await until(lambda: one.handled)
            tell(server, (0, 10, two.port))
            await until(lambda: [part.port for part in client.parts] == [two.port])
            assert await ask(mu) == two.port
            assert client.stats()["draining"] == 1
            one.go.set()
            assert await call == one.port
            assert client.stats()["draining"] == 0
            await until(lambda: not one.server.streams)


async def test_dns_asks_at_once_when_nobody_is_where_it_said(asked: Asked, free_port: int) -> None:
    async with services(1) as [one], FakeDns(zone((0, 10, free_port))) as server:
        asked(server)
        async with caller() as (mu, _):
            with pytest.raises(ConnectFailed, match="nobody listens there"):
                await ask(mu)
            tell(server, (0, 10, one.port))
            await until_answered(mu, one.port)


async def test_dns_uses_what_is_added(asked: Asked) -> None:
    async with services(2) as [one, two], FakeDns(zone((0, 10, one.port), ttl=0)) as server:
        asked(server)
        async with caller() as (mu, client):
            assert await ask(mu) == one.port
            tell(server, (0, 10, one.port), (0, 10, two.port))
            await until(lambda: len(client.parts) == 2)
            assert Counter([await ask(mu) for _ in range(10)]) == {one.port: 5, two.port: 5}


async def test_dns_honours_weights(asked: Asked) -> None:
    async with services(2) as [one, two], FakeDns(zone((0, 10, one.port), (0, 30, two.port))) as server:
        asked(server)
        async with caller() as (mu, _):
            assert Counter([await ask(mu) for _ in range(40)]) == {one.port: 10, two.port: 30}


async def test_dns_takes_turns_where_no_weight_is_told(asked: Asked) -> None:
    async with services(2) as [one, two], FakeDns(zone((0, 0, one.port), (0, 0, two.port))) as server:
        asked(server)
        async with caller() as (mu, _):
            assert Counter([await ask(mu) for _ in range(10)]) == {one.port: 5, two.port: 5}


async def test_dns_uses_the_lowest_priority_and_the_next_when_that_is_dead(asked: Asked) -> None:
    async with services(2) as [one, two], FakeDns(zone((1, 10, one.port), (2, 90, two.port))) as server:
        asked(server)
        async with caller() as (mu, _):
            assert [await ask(mu) for _ in range(5)] == [one.port] * 5
            await one.mu.tear_down(0)
            await until_answered(mu, two.port)
            assert [await ask(mu) for _ in range(5)] == [two.port] * 5


async def test_dns_reads_an_answer_too_long_for_udp(asked: Asked) -> None:
    async with services(30) as many, FakeDns(zone(*((0, 10, each.port) for each in many))) as server:
        asked(server)
        async with caller() as (mu, _):
            assert {await ask(mu) for _ in range(30)} == {each.port for each in many}
        assert f"tcp {ASK}" in server.asked


@pytest.mark.parametrize("transport", [tcp, http], ids=["tcp", "http"])
async def test_dns_loses_nothing_that_was_not_sent_when_one_of_three_is_killed(asked: Asked, transport: Any) -> None:
    async with services(3, transport) as three, FakeDns(zone(*((0, 10, each.port) for each in three))) as server:
        asked(server)
        async with caller(transport) as (mu, _):
            await asyncio.gather(*(ask(mu) for _ in range(30)))
            results = []
            for number in range(10):
                calls = asyncio.gather(*(ask(mu) for _ in range(20)), return_exceptions=True)
                if number == 3:
                    await three[0].mu.tear_down(0)
                results += await calls
        errors = [each for each in results if isinstance(each, BaseException)]
        assert len(results) == 200
        assert all(isinstance(each, MuError) and each.sent for each in errors)


async def test_dns_lets_messages_in_where_it_says(asked: Asked, free_port: int) -> None:
    async with FakeDns() as server:
        asked(server)
        inbound = dns(tcp, name="audit_service")
        mu = Mu("audit")
        mu.define({"role": "audit"}, lambda args: "in")
        mu.inbound("*", inbound)
        async with mu, caller() as (asking, client):
            assert str(inbound) == f"dns: {NAME}"
            tell(server, (0, 10, free_port))
            await until_answered(asking, "in")
            assert str(inbound) == f"tcp 127.0.0.1:{free_port}"
            assert described(client) == f"dns: {NAME} (tcp 127.0.0.1:{free_port})"
            assert f"sends role: audit to audit by dns: {NAME}" in str(overlay(asking, mu))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "-"}, "a name for DNS"),
        ({"name": "a", "interval": 0}, "interval"),
        ({"name": "a", "interval": "soon"}, "interval"),
    ],
)
def test_dns_says_what_is_wrong_with_its_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dns(tcp, **options)
    with pytest.raises(ValueError, match="a transport such as tcp"):
        dns("tcp", name="a")


async def test_dns_takes_the_port_from_the_environment_where_dns_tells_addresses_alone(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNS_MODE", "A")
    async with services(1) as [service], FakeDns("audit-service.micro.svc.cluster.local. 5 IN A 127.0.0.1") as server:
        service.go.set()
        asked(server)
        async with caller() as (mu, _):
            with pytest.raises(ConnectFailed) as caught:
                await mu.dispatch({"role": "audit"}, timeout=2)
            assert "give it, dns(port=...), or set AUDIT_SERVICE_SERVICE_PORT_MAIN" in str(caught.value)
        monkeypatch.setenv("AUDIT_SERVICE_SERVICE_PORT_MAIN", str(service.port))
        async with caller() as (mu, _):
            assert await mu.dispatch({"role": "audit"}, timeout=2) == service.port


async def test_dns_says_at_the_start_that_its_transport_has_no_such_option() -> None:
    mu = Mu()
    mu.outbound("*", dns(tcp, name="a", lists="events"))
    with pytest.raises(ValueError, match="lists"):
        await mu.start()


def test_dns_names_the_extra_that_is_missing() -> None:
    code = "import sys; sys.modules['dns'] = None\nfrom mu import dns, tcp\ntry: dns(tcp, name='a')\n"
    code += "except ImportError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "extra dns" in done.stdout
