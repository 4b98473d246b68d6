"""A DNS server that answers as a test wants it to. dnslib writes its packets: it shares no fault with the client."""

import asyncio
from collections.abc import Callable
from types import TracebackType

from dnslib import QTYPE, RCODE, RR, DNSRecord

from fuge import ports

TRUNCATED = 2  # in the third byte of a packet
Answer = Callable[[DNSRecord, bool], bytes | None]  # to a query, by TCP or not; None is silence


class FakeDns:
    """Serves the lines of a zone on a free port of 127.0.0.1, by UDP and TCP, or what `answer` makes of a query."""

    def __init__(self, zone: str = "", answer: Answer | None = None, *, additional: bool = True) -> None:
        self.records = RR.fromZone("\n".join(line.strip() for line in zone.splitlines()))
        self.answer = answer or self.by_zone
        self.additional = additional
        self.asked: list[str] = []  # such as "A web.test" and "tcp A web.test"
        self.port = 0

    @property
    def environment(self) -> dict[str, str]:
        return {"DNS_HOST": "127.0.0.1", "DNS_PORT": str(self.port)}

    async def __aenter__(self) -> "FakeDns":
        loop = asyncio.get_running_loop()
        (self.port,) = ports.free(1)  # not one that the system gives by TCP: by UDP somebody may ask from there
        self.tcp = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.udp, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self), ("127.0.0.1", self.port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.udp.close()
        self.tcp.close()
        await self.tcp.wait_closed()

    def reply_to(self, wire: bytes, *, tcp: bool) -> bytes | None:
        query = DNSRecord.parse(wire)
        self.asked.append(f"{'tcp ' if tcp else ''}{QTYPE[query.q.qtype]} {str(query.q.qname).rstrip('.')}")
        return self.answer(query, tcp)

    def by_zone(self, query: DNSRecord, tcp: bool) -> bytes:
        reply = query.reply()
        name, known = query.q.qname, {each.rname for each in self.records}
        while alias := [each for each in self.records if each.rname == name and each.rtype == QTYPE.CNAME]:
            reply.add_answer(alias[0])
            name = alias[0].rdata.label
        found = [each for each in self.records if each.rname == name and each.rtype == query.q.qtype]
        reply.add_answer(*found)
        reply.header.rcode = RCODE.NOERROR if name in known else RCODE.NXDOMAIN
        if self.additional and query.q.qtype == QTYPE.SRV:
            targets = [each.rdata.target for each in found]
            wanted = (QTYPE.A, QTYPE.AAAA)
            reply.add_ar(*(each for each in self.records if each.rname in targets and each.rtype in wanted))
        wire: bytes = reply.pack()
        if not tcp and len(wire) > 512:
            wire = query.reply().pack()  # dnslib's truncate() leaves the question out, which no server does
            wire = wire[:2] + bytes([wire[2] | TRUNCATED]) + wire[3:]
        return wire

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            length = int.from_bytes(await reader.readexactly(2), "big")
            if (reply := self.reply_to(await reader.readexactly(length), tcp=True)) is not None:
                writer.write(len(reply).to_bytes(2, "big") + reply)
        finally:
            writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: FakeDns) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if (reply := self.server.reply_to(data, tcp=False)) is not None:
            self.transport.sendto(reply, address)


def saying(code: str) -> Answer:
    """An answer of this code, with nothing in it."""

    def answer(query: DNSRecord, tcp: bool) -> bytes:
        reply = query.reply()
        reply.header.rcode = getattr(RCODE, code)
        wire: bytes = reply.pack()
        return wire

    return answer


def silent(query: DNSRecord, tcp: bool) -> None:
    """No answer at all."""
