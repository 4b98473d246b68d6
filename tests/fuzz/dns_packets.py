"""DNS packets: questions to fuge's server, and answers to concordant."""

import asyncio
import contextlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from dns_fakes import TRUNCATED
from dnslib import RR, DNSError, DNSRecord
from fuge_dns import DOMAIN, NAMESPACE, Asker, served, service, system
from fuzz.target import Check, Misbehaved, Target, watched_loop

from concordant import ConcordantError, Endpoint, resolve
from fuge import ports
from fuge.engine.dns.answers import Answers
from fuge.engine.dns.catalogue import Catalogue
from fuge.engine.dns.packets import HEADER, OURS
from fuge.plan.zone import zones

OFTEN = 50  # inputs, of which one goes to a real server's sockets
PATIENCE = 2.0  # seconds that a name may take
QR = 0x80  # in the third byte: it is an answer
ADDER, PORT_NAME = f"adder.{DOMAIN}", f"_main._tcp.adder.{DOMAIN}"
SYSTEM = system(
    service("adder", 8080, 8081),
    service("mongo", 27017, host="::1"),
    dns_external=(f"alias.{NAMESPACE}.svc.cluster.local IN CNAME {ADDER}", "db.example.com IN A 10.0.0.5"),
)

# Questions ---------------------------------------------------------------------------------------------------------


def question(name: str, kind: str, **more: int) -> bytes:
    return dns.message.make_query(name, kind, id=7, **more).to_wire()  # type: ignore[arg-type]


QUESTIONS = (
    question(ADDER, "A"),
    question(PORT_NAME, "SRV", use_edns=0, payload=4096),
    question(f"mongo.{DOMAIN}", "AAAA", use_edns=0, ednsflags=dns.flags.DO),
    question(f"alias.{DOMAIN}", "ANY"),
    question("1.0.0.127.in-addr.arpa", "PTR"),
    question("db.example.com", "A", use_edns=1),
    question("cluster.local", "SOA"),
    question("cluster.local", "AXFR"),
)
LABELS = tuple(bytes([len(each)]) + each.encode() for each in ("adder", "_main", "_tcp", "micro", "svc", "cluster"))
WORDS = (
    *(*LABELS, b"\x05local\0", b"\xc0\x0c", b"\xc0\x00", b"\xff\xff", b"\x3f", b"\x40", b"\0\x01\0\x01", b"\0\x21"),
    *(b"\0\0\x29\x04\xd0\0\0\0\0\0\0", b"\0\0\x29", b"\0\xff", b"\0\xfc", b"\0\x05", b"\0\x06", b"\0\x1c", b"\0\x10"),
    *(b"\0\x04\x7f\0\0\x01", b"\0\0\0\x01", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0", b"\xc0", b"_" * 63),
)


def check_answer(asked: bytes, answer: bytes | None, longest: int) -> None:
    """By another library's reading of both."""
    if answer is None:
        if len(asked) >= HEADER and not asked[2] & QR:
            raise Misbehaved("a question that gets no answer")
        return
    if len(answer) > longest:
        raise Misbehaved(f"expected at most {longest} bytes, found {len(answer)}")
    read = dns.message.from_wire(bytes(answer))  # which raises for what is no DNS
    if answer[:2] != asked[:2] or not read.flags & dns.flags.QR:
        raise Misbehaved(f"this is no answer to the question: {read}")
    with contextlib.suppress(dns.exception.DNSException):
        understood = dns.message.from_wire(asked)
        known = understood.question and read.question
        if known and (understood.question[0].name, read.rcode()) == (dns.name.from_text(ADDER), dns.rcode.NXDOMAIN):
            raise Misbehaved(f"a name that exists is denied: {read}")


@contextlib.contextmanager
def server() -> Iterator[Check]:
    answers, count = Answers(Catalogue(zones(SYSTEM))), 0
    with watched_loop() as (loop, watch):
        running = served(SYSTEM)
        asker = loop.run_until_complete(running.__aenter__())

        def check(data: bytes) -> None:
            nonlocal count
            count += 1
            check_answer(data, answers.to(data), OURS)
            check_answer(data, answers.to(data, by_tcp=True), 65535)
            if count % OFTEN == 0:
                loop.run_until_complete(still_answers(asker, data))
            watch.check()

        try:
            yield check
        finally:
            loop.run_until_complete(running.__aexit__(None, None, None))


async def still_answers(asker: Asker, data: bytes) -> None:
    """The input by UDP and, before a real question in the same connection, by TCP."""
    loop = asyncio.get_running_loop()
    sender, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", asker.port))
    sender.sendto(data)
    sender.close()
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", asker.port)
        writer.write(b"".join(len(wire).to_bytes(2, "big") + wire for wire in (data, QUESTIONS[0])))
        writer.write_eof()
        said = await reader.read()
        writer.close()
    if b"\x7f\0\0\x01" not in said:
        raise Misbehaved(f"the question after it is answered with {said!r}")
    if await asker.texts(ADDER) != ["127.0.0.1"]:
        raise Misbehaved("the adder is not found by UDP any more")


# Answers -----------------------------------------------------------------------------------------------------------

NAME, TARGET = "_main._tcp.web.test", "web.test"
GOOD = f"""
{NAME}. 5 IN SRV 0 10 8080 {TARGET}.
{NAME}. 5 IN SRV 1 10 8081 other.test.
{TARGET}. 5 IN A 10.0.0.1
{TARGET}. 5 IN AAAA fd00::1
other.test. 5 IN CNAME {TARGET}.
"""
NO_SUCH_NAME = b"\x84\x03"  # the flags of an answer that says so
SRV, ADDRESS, BY_TCP = b"\0", b"\1", b"\2"  # the first byte of an input: to which question it is the answer, and how


@dataclass
class Liar(asyncio.DatagramProtocol):
    """Answers the first question of a kind with `lie`, and then as it should; by TCP only with what it is asked."""

    kind: str = ""
    lie: bytes = b""
    by_tcp: bool = False

    def __post_init__(self) -> None:
        self.records = RR.fromZone(GOOD.strip())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            query = DNSRecord.parse(data)
        except DNSError:  # a name that the lie has led to, and that dnslib finds too odd
            self.transport.sendto(data[:2] + NO_SUCH_NAME + data[4:], address)  # type: ignore[attr-defined]
            return
        if self.by_tcp and self.is_meant(query):
            answer = query.reply().pack()
            self.transport.sendto(answer[:2] + bytes([answer[2] | TRUNCATED]) + answer[3:], address)  # type: ignore[attr-defined]
            return
        for answer in (self.lie_to(query), self.truth(query)):
            if answer:
                self.transport.sendto(answer, address)  # type: ignore[attr-defined]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            query = DNSRecord.parse(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
            answer = self.lie_to(query) or self.truth(query)
            writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    def is_meant(self, query: DNSRecord) -> bool:
        return bool(self.lie) and query.q.qtype == {"SRV": 33, "A": 1}[self.kind]

    def lie_to(self, query: DNSRecord) -> bytes:
        """With the number of the question, so that it is read at all."""
        if not self.is_meant(query):
            return b""
        lie, self.lie = self.lie, b""
        return int(query.header.id).to_bytes(2, "big") + lie

    def truth(self, query: DNSRecord) -> bytes:
        reply = query.reply()
        alias = [each for each in self.records if each.rname == query.q.qname and each.rtype == 5]
        name = alias[0].rdata.label if alias else query.q.qname
        reply.add_answer(*alias, *(each for each in self.records if (each.rname, each.rtype) == (name, query.q.qtype)))
        wire: bytes = reply.pack()
        return wire


def true_answer(name: str, kind: str, *additional: str) -> bytes:
    """Without its number."""
    reply = DNSRecord.question(name, kind)
    reply = reply.reply()
    for each in RR.fromZone(GOOD.strip()):
        if str(each.rname) == f"{name}." and each.rtype == reply.q.qtype:
            reply.add_answer(each)
        elif str(each.rname) in additional:
            reply.add_ar(each)
    wire: bytes = reply.pack()
    return wire[2:]


def coded(name: str, kind: str, code: int) -> bytes:
    wire = bytearray(true_answer(name, kind))
    wire[1] = wire[1] & 0xF0 | code
    return bytes(wire)


OPT = b"\0\0\x29\0\0\0\0\0\0\0\0"  # which belongs to the additional records, here as an answer
ANSWERS = (
    BY_TCP + b"\x85\x80\0\0\0\1\0\0\0\0" + OPT,
    SRV + true_answer(NAME, "SRV"),
    SRV + true_answer(NAME, "SRV", f"{TARGET}.", "other.test."),
    BY_TCP + true_answer(NAME, "SRV", f"{TARGET}."),
    *(SRV + coded(NAME, "SRV", code) for code in (2, 3, 5)),
    ADDRESS + true_answer(TARGET, "A"),
    ADDRESS + coded(TARGET, "A", 3),
    *(kind + DNSRecord.question(name, "CNAME").reply().pack()[2:] for kind, name in ((SRV, NAME), (ADDRESS, TARGET))),
)


def check_endpoints(found: list[Endpoint]) -> None:
    if not found:
        raise Misbehaved("expected endpoints or an error, found nothing")
    for each in found:
        ipaddress.ip_address(each.host)
        if each.port is not None and not 0 <= each.port <= 65535:
            raise Misbehaved(f"expected a port, found {each}")
        str(each)


async def resolved(port: int) -> None:
    environment = {"DNS_HOST": "127.0.0.1", "DNS_PORT": str(port)}
    began = asyncio.get_running_loop().time()
    try:
        check_endpoints(await resolve(NAME, timeout=PATIENCE, environment=environment))
    except ConcordantError as error:
        if not str(error).isprintable():
            raise Misbehaved(f"an error that cannot be shown: {str(error)!r}") from None
    if asyncio.get_running_loop().time() - began > PATIENCE + 1:
        raise Misbehaved(f"it took longer than the {PATIENCE} s that it had")


@contextlib.contextmanager
def client() -> Iterator[Check]:
    with watched_loop() as (loop, watch):
        liar = Liar()
        (port,) = ports.free(1)  # for UDP and TCP
        tcp = loop.run_until_complete(asyncio.start_server(liar.connected, "127.0.0.1", port))
        udp, _ = loop.run_until_complete(loop.create_datagram_endpoint(lambda: liar, ("127.0.0.1", port)))

        def check(data: bytes) -> None:
            how = data[0] if data else 0
            liar.kind, liar.by_tcp, liar.lie = "A" if how & 1 else "SRV", bool(how & 2), data[1:]
            loop.run_until_complete(resolved(port))
            watch.check()

        try:
            yield check
        finally:
            udp.close()
            tcp.close()
            loop.run_until_complete(tcp.wait_closed())


CLIENT_WORDS = (*WORDS, b"\x03web\x04test\0", b"\x05other\x04test\0", b"\0\0\0\x0a\x1f\x90", b"\xc0\x25", b"\x84\0")
TARGETS = (
    Target("dns-server", QUESTIONS, WORDS, server),
    Target("dns-client", ANSWERS, CLIENT_WORDS, client),
)
