"""fuge's DNS server for a system that need not run, and packets to it and from it, by other hands than its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rdatatype
from fuge_project import free_ports

from fuge.engine.dns.server import Server
from fuge.plan.system import Port, Service, System
from fuge.plan.zone import zones

NAMESPACE, SUFFIX = "micro", "svc.cluster.local"
DOMAIN = f"{NAMESPACE}.{SUFFIX}"
PATIENCE = 20  # seconds, for a machine that is busy with other things


def service(name: str, *numbers: int, host: str = "127.0.0.1") -> Service:
    """With the ports `main`, `admin` and so on."""
    named = zip(("main", "admin", "more"), numbers, strict=False)
    return Service(name=name, host=host, ports=tuple(Port(port, number) for port, number in named))


def system(*services: Service, **more: object) -> System:
    known = {each.name: each for each in services}
    defaults = {"dns_enabled": True, "dns_namespace": NAMESPACE, "dns_suffix": SUFFIX}
    return System(Path("/fuge.yml"), known, **(defaults | more))  # type: ignore[arg-type]


def scaled(one: Service, count: int) -> dict[str, tuple[Service, ...]]:
    """Replicas of a service, with ports of their own."""

    def replica(number: int) -> Service:
        ports = tuple(replace(port, number=port.number + number) for port in one.ports)
        return replace(one, name=f"{one.name}.{number}", ports=ports)

    return {one.name: tuple(replica(number) for number in range(2, count + 1))}


class Asker:
    """Asks a server on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def udp(self, wire: bytes) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect(("127.0.0.1", self.port))
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().sock_sendall(client, wire)
                return await asyncio.get_running_loop().sock_recv(client, 65535)

    async def tcp(self, *wires: bytes) -> list[bytes]:
        """The answers to questions that are sent together in one connection."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(b"".join(len(wire).to_bytes(2, "big") + wire for wire in wires))
                return [await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")) for _ in wires]
            finally:
                writer.close()

    async def ask(self, name: str, kind: str = "A", *, tcp: bool = False, **edns: int) -> dns.message.Message:
        """dnspython's question and reading of the answer."""
        query = dns.message.make_query(name, kind, **edns)  # type: ignore[arg-type]
        wire = query.to_wire()
        answer = dns.message.from_wire((await self.tcp(wire))[0] if tcp else await self.udp(wire))
        assert answer.id == query.id
        return answer

    async def texts(self, name: str, kind: str = "A") -> list[str]:
        """The data of the answers, sorted."""
        return data(await self.ask(name, kind), kind)


def data(answer: dns.message.Message, kind: str, section: str = "answer") -> list[str]:
    wanted = dns.rdatatype.from_text(kind)
    return sorted(str(each) for rrset in getattr(answer, section) if rrset.rdtype == wanted for each in rrset)


@contextlib.asynccontextmanager
async def served(known: System, is_ready: Callable[[Service], bool] = lambda instance: True) -> AsyncIterator[Asker]:
    """The server of a system, on a free port."""
    placed = replace(known, dns_port=free_ports(1)[0])
    server = Server(lambda: zones(placed, is_ready))
    await server.follow(placed)
    try:
        yield Asker(placed.dns_port)
    finally:
        await server.close()
