"""Questions out of packets, answers into them, by DNS's rules of politeness (RFC 1035, 6891)."""

from dataclasses import dataclass
from typing import Any

from dnslib import CLASS, EDNS0, OPCODE, QTYPE, RCODE, RR, DNSBuffer, DNSHeader, DNSQuestion, DNSRecord  # type: ignore[import-untyped]

LEAST, OURS, BY_TCP = 512, 1232, 65535  # octets of an answer: without EDNS, at most with it, by TCP
HEADER = 12  # octets
LONGEST_QUERY = 4096  # octets; a question and its options need a tenth of that
MOST_OTHERS = 4  # records in a query beside its question
LONGEST_NAME, LONGEST_LABEL = 255, 63  # octets
BADVERS = 16
TRANSFERS = {251, 252}  # IXFR, AXFR


@dataclass(frozen=True)
class Question:
    """What a packet asks: its header, its one question, and how large a UDP answer may be. `opt` is its EDNS."""

    header: DNSHeader
    question: DNSQuestion
    opt: RR | None = None

    @property
    def limit(self) -> int:
        return min(max(self.opt.rclass, LEAST), OURS) if self.opt else LEAST

    @property
    def labels(self) -> tuple[bytes, ...]:
        labels: tuple[bytes, ...] = self.question.qname.label
        return labels

    @property
    def type(self) -> int:
        return int(self.question.qtype)


class Refused(Exception):
    """A packet that is not answered with records, but with a code alone; or not at all if `reply` is None."""

    def __init__(self, reply: bytes | None) -> None:
        super().__init__("refused")
        self.reply = reply


def read(wire: bytes) -> Question:
    """The question of a packet. Raises Refused."""
    if len(wire) < HEADER:
        raise Refused(None)
    buffer = DNSBuffer(wire)
    header = DNSHeader.parse(buffer)
    if header.qr:  # an answer: two servers must not talk to each other for ever
        raise Refused(None)
    if header.opcode != OPCODE.QUERY:
        raise Refused(code_alone(header, RCODE.NOTIMP))
    if header.q != 1 or len(wire) > LONGEST_QUERY:
        raise Refused(code_alone(header, RCODE.FORMERR))
    try:
        question = DNSQuestion.parse(buffer)
        check_name(question.qname.label)
        if question.qtype in TRANSFERS:  # its other records do not matter
            raise Refused(write(Question(header, question), RCODE.REFUSED))
        opt = options(buffer, header)
    except Refused:
        raise
    except Exception:  # dnslib raises many kinds for what is no DNS
        raise Refused(code_alone(header, RCODE.FORMERR)) from None
    asked = Question(header, question, opt)
    if opt and (opt.ttl >> 16) & 0xFF:
        raise Refused(write(asked, BADVERS))
    if question.qclass != CLASS.IN:
        raise Refused(write(asked, RCODE.REFUSED))
    return asked


def check_name(labels: tuple[bytes, ...]) -> None:
    if sum(len(each) + 1 for each in labels) + 1 > LONGEST_NAME or any(len(each) > LONGEST_LABEL for each in labels):
        raise ValueError(labels)


def options(buffer: DNSBuffer, header: DNSHeader) -> RR | None:
    """The OPT record that is EDNS."""
    if header.a + header.auth + header.ar > MOST_OTHERS:
        raise ValueError("too many records for a query")
    others = [RR.parse(buffer) for _ in range(header.a + header.auth + header.ar)]
    found = [each for each in others if each.rtype == QTYPE.OPT]
    if len(found) > 1 or any(each.rname.label for each in found):
        raise ValueError("more than one OPT, or one with a name")
    return found[0] if found else None


def code_alone(header: DNSHeader, code: int) -> bytes:
    wire: bytes = DNSRecord(answering(header, code)).pack()
    return wire


def answering(header: DNSHeader, code: int, authoritative: bool = False, truncated: bool = False) -> DNSHeader:
    """The header of an answer: the number, the kind and the wish for recursion are those of the question."""
    flags = {"qr": 1, "opcode": header.opcode, "rd": header.rd, "ra": 0}
    return DNSHeader(id=header.id, **flags, aa=int(authoritative), tc=int(truncated), rcode=code & 0xF)


def write(
    asked: Question,
    code: int,
    answer: list[RR] | None = None,
    authority: list[RR] | None = None,
    additional: list[RR] | None = None,
    limit: int = BY_TCP,
    authoritative: bool = False,
) -> bytes:
    """The packet of an answer.

    If it is longer than `limit`, the additional records go, for they can be asked for; if it still is, all records
    go, and the bit TC says that they can be had by TCP.
    """
    opt = [own_options(asked.opt, code)] if asked.opt else []
    sections: dict[str, Any] = {"rr": answer or [], "auth": authority or [], "ar": [*(additional or []), *opt]}
    header = answering(asked.header, code, authoritative)
    wire: bytes = DNSRecord(header, questions=[asked.question], **sections).pack()
    if len(wire) > limit and additional:
        return write(asked, code, answer, authority, None, limit, authoritative)
    if len(wire) > limit:
        header = answering(asked.header, code, authoritative, truncated=True)
        wire = DNSRecord(header, questions=[asked.question], ar=opt).pack()
    return wire


def own_options(opt: RR, code: int) -> EDNS0:
    wants_signatures = opt.ttl & 0x8000  # RFC 3225: to be given back as it came
    return EDNS0(flags="do" if wants_signatures else "", udp_len=OURS, ext_rcode=code >> 4)
