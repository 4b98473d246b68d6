"""How fuge's DNS server treats packets: sizes, flags, EDNS, and what is no question at all."""

import asyncio
import random
import socket
import struct

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import pytest
from fuge_dns import DOMAIN, Asker, data, scaled, served, service, system

ADDER = service("adder", 8080)
SYSTEM = system(ADDER)
CROWD = system(ADDER, replicas=scaled(ADDER, 40))
NAME, PORT_NAME = f"adder.{DOMAIN}", f"_main._tcp.adder.{DOMAIN}"
SEED = 6
PACKETS = 100_000


def header(packet: bytes) -> tuple[int, ...]:
    """Number, flags, and the counts of the four sections."""
    return struct.unpack("!6H", packet[:12])


def query(name: str = NAME, kind: str = "A", **more: int) -> bytes:
    return dns.message.make_query(name, kind, **more).to_wire()  # type: ignore[arg-type]


async def still_answers(asker: Asker) -> bool:
    return await asker.texts(NAME) == ["127.0.0.1"]


# Sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "limit"), [(None, 512), (100, 512), (512, 512), (800, 800), (1232, 1232), (4096, 1232), (65535, 1232)]
)
async def test_dns_answer_keeps_to_the_size_that_the_client_can_take(payload: int | None, limit: int) -> None:
    edns = {} if payload is None else {"use_edns": 0, "payload": payload}
    async with served(CROWD) as asker:
        wire = await asker.udp(query(PORT_NAME, "SRV", **edns))
        answer = dns.message.from_wire(wire)
        assert len(wire) <= limit
        assert answer.flags & dns.flags.TC
        assert str(answer.question[0].name) == f"{PORT_NAME}."
        assert not answer.answer
        assert answer.edns == (-1 if payload is None else 0)


async def test_dns_leaves_out_additional_records_before_it_cuts() -> None:
    async with served(system(ADDER, replicas=scaled(ADDER, 7))) as asker:
        wire = await asker.udp(query(PORT_NAME, "SRV"))
        answer = dns.message.from_wire(wire)
        assert len(wire) <= 512
        assert not answer.flags & dns.flags.TC
        assert len(data(answer, "SRV")) == 7
        assert not answer.additional
        assert len(data(await asker.ask(PORT_NAME, "SRV", tcp=True), "A", "additional")) == 7


async def test_dns_gives_everything_over_tcp() -> None:
    async with served(CROWD) as asker:
        answer = await asker.ask(PORT_NAME, "SRV", tcp=True)
        assert len(data(answer, "SRV")) == 40
        assert len(data(answer, "A", "additional")) == 40
        assert not answer.flags & dns.flags.TC


# EDNS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [NAME, f"nope.{DOMAIN}", "example.com"])
async def test_dns_gives_edns_back_to_those_that_have_it_and_no_others(name: str) -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(name, use_edns=0, payload=4096)
        assert (answer.edns, answer.payload) == (0, 1232)
        assert (await asker.ask(name)).edns == -1


@pytest.mark.parametrize("version", [1, 255])
async def test_dns_knows_version_0_of_edns_only(version: int) -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(NAME, use_edns=version)
        assert answer.rcode() == dns.rcode.BADVERS
        assert answer.edns == 0
        assert not answer.answer


async def test_dns_gives_the_wish_for_signatures_back_and_ignores_options() -> None:
    async with served(SYSTEM) as asker:
        answer = await asker.ask(NAME, use_edns=0, ednsflags=dns.flags.DO)
        assert answer.ednsflags & dns.flags.DO
        option = dns.edns.GenericOption(65001, b"anything")
        asked = dns.message.make_query(NAME, "A", use_edns=0, options=[option])
        answer = dns.message.from_wire(await asker.udp(asked.to_wire()))
        assert data(answer, "A") == ["127.0.0.1"]
        assert not answer.options


async def test_dns_refuses_two_sets_of_options() -> None:
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
    async with served(SYSTEM) as asker:
        wire = bytearray(query()) + opt + opt
        wire[11] = 2
        assert header(await asker.udp(bytes(wire)))[1] & 0xF == dns.rcode.FORMERR


# What it does not do ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
async def test_dns_refuses_to_give_whole_zones(kind: str) -> None:
    async with served(SYSTEM) as asker:
        for tcp in (False, True):
            wire = query("cluster.local", kind)
            answer = (await asker.tcp(wire))[0] if tcp else await asker.udp(wire)
            assert header(answer)[1] & 0xF == dns.rcode.REFUSED
            assert header(answer)[3] == 0


async def test_dns_refuses_other_classes() -> None:
    async with served(SYSTEM) as asker:
        asked = dns.message.make_query(NAME, "A", rdclass=dns.rdataclass.CH)
        assert dns.message.from_wire(await asker.udp(asked.to_wire())).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
async def test_dns_has_no_other_operations_than_queries(opcode: int) -> None:
    async with served(SYSTEM) as asker:
        wire = bytearray(query())
        wire[2] |= opcode << 3
        number, flags, *_ = header(await asker.udp(bytes(wire)))
        assert number == header(wire)[0]
        assert flags & 0xF == dns.rcode.NOTIMP
        assert flags >> 11 & 0xF == opcode


@pytest.mark.parametrize("count", [0, 2, 65535])
async def test_dns_wants_one_question(count: int) -> None:
    async with served(SYSTEM) as asker:
        wire = bytearray(query())
        wire[4:6] = count.to_bytes(2, "big")
        number, flags, *_ = header(await asker.udp(bytes(wire)))
        assert number == header(wire)[0]
        assert flags & 0xF == dns.rcode.FORMERR


@pytest.mark.parametrize(
    "broken",
    [b"", b"\0", query()[:11], bytes([*query()[:2], 0x80, *query()[3:]])],
    ids=["nothing", "a byte", "half a header", "an answer"],
)
async def test_dns_is_silent_to_what_is_no_question(broken: bytes) -> None:
    """The answer that comes is that to the question after it."""
    async with served(SYSTEM) as asker:
        loop = asyncio.get_running_loop()
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, packet: bytes, address: object) -> None:
                answers.put_nowait(packet)

        client, _ = await loop.create_datagram_endpoint(Client, remote_addr=("127.0.0.1", asker.port))
        try:
            client.sendto(broken)
            last = query()
            client.sendto(last)
            async with asyncio.timeout(20):
                assert header(await answers.get())[0] == header(last)[0]
        finally:
            client.close()


@pytest.mark.parametrize("flag", [0x0100, 0x0010, 0x0020, 0x0040])
async def test_dns_gives_back_the_wish_for_recursion_and_no_other_flag(flag: int) -> None:
    async with served(SYSTEM) as asker:
        wire = bytearray(query())
        wire[2:4] = flag.to_bytes(2, "big")
        assert header(await asker.udp(bytes(wire)))[1] == 0x8400 | (flag & 0x0100)


# Hostile packets --------------------------------------------------------------------------------------------------

START = struct.pack("!6H", 7, 0, 1, 0, 0, 0)
TAIL = struct.pack("!HH", 1, 1)
HOSTILE = {
    "a name that points to itself": START + b"\xc0\x0c" + TAIL,
    "a name that points forward": START + b"\xc0\xff" + TAIL,
    "a name that points to its own start": START + b"\x01a\xc0\x0c" + TAIL,
    "a name that has no end": START + b"\x3fa",
    "a reserved kind of label": START + b"\x80a\0" + TAIL,
    "a label that is too long": START + b"\x7f" + b"a" * 127 + b"\0" + TAIL,
    "a name that is too long": START + (b"\x3f" + b"a" * 63) * 5 + b"\0" + TAIL,
    "a name that is no text": START + b"\x02\xff\xfe\0" + TAIL,
    "no type": START + b"\x01a\0",
    "records that are not there": struct.pack("!6H", 7, 0, 1, 9, 9, 9) + query()[12:],
    "an address without its data": struct.pack("!6H", 7, 0, 1, 0, 0, 1)
    + query()[12:]
    + b"\0"
    + b"\0\x01\0\x01"
    + b"\0" * 6,
    "a thousand pointers": struct.pack("!6H", 7, 0, 1, 0, 0, 1)
    + query()[12:]
    + b"".join((0xC000 | 12 + 2 * n).to_bytes(2, "big") for n in range(1500)),
}


@pytest.mark.parametrize("packet", [pytest.param(packet, id=name) for name, packet in HOSTILE.items()])
async def test_dns_calls_a_broken_question_broken(packet: bytes) -> None:
    async with served(SYSTEM) as asker:
        for answer in (await asker.udp(packet), *await asker.tcp(packet)):
            assert header(answer) == (7, 0x8000 | dns.rcode.FORMERR, 0, 0, 0, 0)
        assert await still_answers(asker)


async def test_dns_calls_a_question_that_is_far_too_long_broken() -> None:
    async with served(SYSTEM) as asker:
        [answer] = await asker.tcp(query() + b"\0" * 60_000)
        assert header(answer)[1] & 0xF == dns.rcode.FORMERR


def mutated(generator: random.Random, packet: bytes) -> bytes:
    """With some octets changed, lost, repeated or added."""
    made = bytearray(packet)
    for _ in range(generator.randint(1, 6)):
        at = generator.randrange(len(made) + 1)
        made[at : at + generator.randint(0, 3)] = generator.randbytes(generator.randint(0, 3))
    return bytes(made)


async def test_dns_answers_after_random_and_mutated_packets() -> None:
    """Few at a time, with a right question after them, so that each is read and none is lost."""
    generator = random.Random(SEED)
    seeds = [query(), query(PORT_NAME, "SRV", use_edns=0), query("1.0.0.127.in-addr.arpa", "PTR"), *HOSTILE.values()]
    async with served(SYSTEM) as asker:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect(("127.0.0.1", asker.port))
            for number in range(PACKETS):
                packet = generator.randbytes(generator.randint(0, 80))
                if number % 2:
                    packet = mutated(generator, generator.choice(seeds))
                await loop.sock_sendall(client, packet)
                if number % 50 == 0:
                    assert await still_answers(asker)
        assert await still_answers(asker)


async def test_dns_answers_the_longest_name_there_can_be() -> None:
    name = ".".join(["a" * 63] * 3 + ["a" * 47, "cluster.local"])
    assert len(name) == 253
    async with served(SYSTEM) as asker:
        assert (await asker.ask(name)).rcode() == dns.rcode.NXDOMAIN
