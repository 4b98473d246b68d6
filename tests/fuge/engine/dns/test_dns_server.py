"""fuge's DNS server in a running system: it knows what runs where, at once, and stays where it is told to be."""

import asyncio
import socket
import subprocess
from dataclasses import replace
from shutil import which

import dns.rcode
import pytest
from fuge_dns import DOMAIN, NAMESPACE, SUFFIX, Asker, served, service, system
from fuge_project import Project, free_ports
from helpers import needed

from fuge import Engine, NotReadyError
from fuge.engine.dns import tcp
from fuge.engine.dns.answers import MOST_KEPT, Answers
from fuge.engine.dns.catalogue import Catalogue
from fuge.engine.dns.server import Server
from fuge.faces.operations import Direct
from fuge.plan.zone import zones

SYSTEM = system(service("adder", 8080))
NAME = f"adder.{DOMAIN}"


def settings(*, port: int | None = None) -> str:
    lines = ["fuge_global:", "  dns_enabled: true", f"  dns_namespace: {NAMESPACE}", f"  dns_suffix: {SUFFIX}"]
    return "\n".join([*lines, f"  dns_port: {port or free_ports(1)[0]}"])


async def ports_of(asker: Asker, name: str = "adder_service") -> list[int]:
    """The ports that DNS tells of, of the one that is called http."""
    texts = await asker.texts(f"_http._tcp.{name}.{DOMAIN}", "SRV")
    return sorted(int(text.split()[2]) for text in texts)


def asker_of(engine: Engine) -> Asker:
    return Asker(engine.system.dns_port)


# What it knows ----------------------------------------------------------------------------------------------------


async def test_dns_knows_a_service_before_it_runs_and_after(project: Project) -> None:
    [port] = free_ports(1)
    project.configure_with(settings(), project.server("adder_service", port=port))
    async with Engine(project.file) as engine:
        assert await ports_of(asker_of(engine)) == [port]
        await engine.start()
        assert await ports_of(asker_of(engine)) == [port]
        await engine.stop()
        assert await ports_of(asker_of(engine)) == [port]


async def test_dns_knows_replicas_when_they_are_ready_and_no_longer(project: Project) -> None:
    project.configure_with(settings(), project.server("adder_service"))
    async with Engine(project.file) as engine:
        asker = asker_of(engine)
        await engine.start()
        await engine.scale("adder_service", 3)
        numbers = sorted(each.ports[0].number for each in engine.system.instances("adder_service"))
        assert await ports_of(asker) == numbers
        await engine.stop(["adder_service.2"])
        gone = engine.system.service("adder_service.2").ports[0].number
        assert await ports_of(asker) == [number for number in numbers if number != gone]
        await engine.scale("adder_service", 1)
        assert len(await ports_of(asker)) == 1


async def test_dns_follows_a_reload(project: Project) -> None:
    port = free_ports(1)[0]
    project.configure_with(settings(port=port), project.server("adder_service"))
    async with Engine(project.file) as engine:
        assert (await asker_of(engine).ask(f"other.{DOMAIN}")).rcode() == dns.rcode.NXDOMAIN
        first, second = free_ports(2)
        more = [project.server("adder_service", port=first), project.server("other", port=second)]
        project.configure_with(settings(port=port), *more)
        await engine.reload()
        assert await ports_of(asker_of(engine)) == [first]
        assert await ports_of(asker_of(engine), "other") == [second]


async def test_dns_moves_when_its_port_does(project: Project) -> None:
    old, new = free_ports(2)
    adder = project.server("adder_service")
    project.configure_with(settings(port=old), adder)
    async with Engine(project.file) as engine:
        project.configure_with(settings(port=new), adder)
        await engine.reload()
        assert await ports_of(Asker(new))
        socket.create_server(("127.0.0.1", old)).close()  # it is free
        project.configure_with(adder)
        await engine.reload()
        socket.create_server(("127.0.0.1", new)).close()


async def test_dns_stays_where_it_is_if_a_reload_wants_a_port_that_is_taken(project: Project) -> None:
    old, new = free_ports(2)
    adder = project.server("adder_service")
    project.configure_with(settings(port=old), adder)
    with socket.create_server(("127.0.0.1", new)):
        async with Engine(project.file) as engine:
            project.configure_with(settings(port=new), adder)
            with pytest.raises(NotReadyError, match=rf"port {new} \(dns_port, tcp\) is held by pid"):
                await engine.reload()
            assert engine.system.dns_port == old
            assert await ports_of(Asker(old))


async def test_dns_of_an_isolated_system_has_a_port_of_its_own_which_services_are_told(project: Project) -> None:
    [port] = free_ports(1)
    project.configure_with(settings(port=port), project.server("adder_service"))
    async with Engine(project.file, isolated=True) as engine:
        assert engine.system.dns_port != port
        environment = engine.environment(engine.system.service("adder_service"))
        assert environment["DNS_PORT"] == str(engine.system.dns_port)
        assert await ports_of(asker_of(engine)) == [int(environment["SERVICE_PORT"])]


# Its port ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tcp", "udp"])
async def test_dns_port_that_is_taken_ends_the_start_and_names_the_holder(project: Project, kind: str) -> None:
    [port] = free_ports(1)
    project.configure_with(settings(port=port), project.server("adder_service"))
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    with holder:
        holder.bind(("127.0.0.1", port))
        if kind == "tcp":
            holder.listen()
        engine = Engine(project.file)
        with pytest.raises(
            NotReadyError, match=rf"port {port} \(dns_port, {kind}\) is held by pid \d+ .*: take another"
        ):
            await engine.__aenter__()
    async with Engine(project.file) as engine:  # nothing was left of the first
        assert await ports_of(asker_of(engine))


async def test_dns_address_that_is_not_of_this_machine_is_an_error() -> None:
    placed = replace(SYSTEM, dns_host="192.0.2.1", dns_port=free_ports(1)[0])
    with pytest.raises(NotReadyError, match=rf"cannot listen on 192.0.2.1:{placed.dns_port}: "):
        await Server(lambda: zones(placed)).follow(placed)


async def test_dns_answers_on_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    placed = replace(SYSTEM, dns_host="::1", dns_port=free_ports(1)[0])
    server = Server(lambda: zones(placed))
    try:
        await server.follow(placed)
    except NotReadyError as problem:
        pytest.skip(f"this machine has no ::1 ({problem})")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(("::1", placed.dns_port))
        async with asyncio.timeout(20):
            await asyncio.get_running_loop().sock_sendall(client, b"\0\7" + QUESTION[2:])
            assert (await asyncio.get_running_loop().sock_recv(client, 512))[:2] == b"\0\7"
    await server.close()


# TCP --------------------------------------------------------------------------------------------------------------

QUESTION = b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"".join(
    len(each).to_bytes(1, "big") + each.encode() for each in [*NAME.split("."), ""]
)
QUESTION += b"\0\1\0\1"


async def test_dns_answers_several_questions_in_a_connection() -> None:
    async with served(SYSTEM) as asker:
        questions = [number.to_bytes(2, "big") + QUESTION[2:] for number in range(20)]
        answers = await asker.tcp(*questions)
        assert [int.from_bytes(answer[:2], "big") for answer in answers] == list(range(20))
        assert {answer[2:] for answer in answers} == {answers[0][2:]}


async def test_dns_reads_a_question_that_comes_in_pieces() -> None:
    async with served(SYSTEM) as asker:
        reader, writer = await asyncio.open_connection("127.0.0.1", asker.port)
        for octet in len(QUESTION).to_bytes(2, "big") + QUESTION:
            writer.write(bytes([octet]))
            await writer.drain()
        async with asyncio.timeout(20):
            assert int.from_bytes(await reader.readexactly(2), "big") > len(QUESTION)
        writer.close()


async def test_dns_closes_a_connection_that_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "IDLE", 0.05)
    async with served(SYSTEM) as asker:
        reader, writer = await asyncio.open_connection("127.0.0.1", asker.port)
        writer.write(b"\0")  # half of a length
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


async def test_dns_has_a_bound_of_connections_and_answers_again_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "MOST_CONNECTIONS", 2)
    async with served(SYSTEM) as asker:
        open_ones = [await asyncio.open_connection("127.0.0.1", asker.port) for _ in range(2)]
        for reader, writer in open_ones:
            writer.write(len(QUESTION).to_bytes(2, "big") + QUESTION)
            await reader.readexactly(2)  # so that it is being served
        reader, surplus = await asyncio.open_connection("127.0.0.1", asker.port)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        for writer in (surplus, *(writer for _, writer in open_ones)):
            writer.close()
        async with asyncio.timeout(20):
            while True:
                try:
                    await asker.tcp(QUESTION)
                    break
                except (OSError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.01)


async def test_dns_ends_with_connections_open() -> None:
    async with served(SYSTEM) as asker:
        reader, writer = await asyncio.open_connection("127.0.0.1", asker.port)
        writer.write(len(QUESTION).to_bytes(2, "big") + QUESTION)
        await reader.readexactly(2)
    writer.close()


# Kept answers -----------------------------------------------------------------------------------------------------


def test_answers_are_kept_and_their_number_is_bounded() -> None:
    answers = Answers(Catalogue(zones(SYSTEM)))
    first = answers.to(QUESTION)
    for number in range(MOST_KEPT + 10):
        answers.to(QUESTION[:12] + b"\4" + f"{number:04}".encode() + QUESTION[12:])
    assert len(answers._kept) <= MOST_KEPT
    assert answers.to(QUESTION) == first


def test_answers_to_another_catalogue_are_others() -> None:
    answers = Answers(Catalogue(zones(SYSTEM)))
    first = answers.to(QUESTION)
    answers.set(Catalogue(zones(system(service("adder", 8080, host="127.0.0.9")))))
    second = answers.to(QUESTION)
    assert first is not None
    assert second is not None
    assert (first[-4:], second[-4:]) == (bytes([127, 0, 0, 1]), bytes([127, 0, 0, 9]))


# dig --------------------------------------------------------------------------------------------------------------


def dig(port: int, *words: str) -> list[str]:
    words = ("dig", "@127.0.0.1", "-p", str(port), "+short", "+time=10", "+tries=2", *words)
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


async def test_dig_and_the_table_of_zone_agree(project: Project) -> None:
    needed(which("dig"), "dig (Debian's bind9-dnsutils)")
    external = "  dns_external: [db.example.com IN A 10.0.0.5]"
    project.configure_with(settings(), external, project.server("adder_service"), project.server("mongo"))
    async with Engine(project.file) as engine:
        await engine.scale("adder_service", 2)
        port = engine.system.dns_port
        rows = (await Direct(engine).call("zone"))["records"]
        assert len(rows) == 8
        for row in rows:
            expected = row["address"]
            if row["type"] == "SRV":
                expected = f"{row['priority']} {row['weight']} {row['port']} {row['address']}."
            for transport in ("+notcp", "+tcp"):
                assert expected in await asyncio.to_thread(dig, port, row["type"], row["domain"], transport)
