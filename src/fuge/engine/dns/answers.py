"""What fuge's DNS server answers: records, "no such record", "no such name", or a refusal."""

import time

from dnslib import AAAA, CNAME, NS, PTR, QTYPE, RCODE, RR, SOA, SRV, TXT, A, DNSLabel  # type: ignore[import-untyped]

from fuge.engine.dns import packets
from fuge.engine.dns.catalogue import Catalogue, Labels, labels_of, spelled
from fuge.engine.dns.packets import Question, Refused
from fuge.plan.records import Record, Zone

TTL = 1  # seconds: whoever keeps an answer hears of a change at once; also how long "no such name" may be kept
MOST_ALIASES = 8  # one after the other
MOST_KEPT, LARGEST_KEPT = 4096, 512  # answers; octets of a question


class Answers:
    """Answers packets from a catalogue. The same question has the same answer until another catalogue is set."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.set(catalogue)

    def set(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._serial = int(time.time())
        self._kept: dict[tuple[bool, bytes], bytes | None] = {}

    def to(self, wire: bytes, by_tcp: bool = False) -> bytes | None:
        """The answer to a packet; None if it deserves none."""
        if len(wire) > LARGEST_KEPT:
            return self._make(wire, by_tcp)
        key = by_tcp, wire[2:]  # all but the number, which comes back as it is
        if key not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            made = self._make(wire, by_tcp)
            self._kept[key] = made and made[2:]
        kept = self._kept[key]
        return wire[:2] + kept if kept else None

    def _make(self, wire: bytes, by_tcp: bool) -> bytes | None:
        try:
            asked = packets.read(wire)
        except Refused as refused:
            return refused.reply
        limit = packets.BY_TCP if by_tcp else asked.limit
        zone = self._catalogue.zone(asked.labels)
        if zone is None:
            return packets.write(asked, RCODE.REFUSED)
        answer, there = self._answer(asked, zone)
        code = RCODE.NOERROR if there else RCODE.NXDOMAIN
        authority = [] if answer else [self._start(zone, labels_of(zone.apex))]
        return packets.write(asked, code, answer, authority, self._additional(answer), limit, authoritative=True)

    def _answer(self, asked: Question, zone: Zone) -> tuple[list[RR], bool]:
        """The records that are asked for, aliases followed within what is known; and whether there is such a name."""
        name = asked.labels
        found: list[RR] = []
        for _ in range(MOST_ALIASES):
            records = self._catalogue.records(name)
            if records is None:
                return found, bool(found)
            alias = next((each for each in records if each.type == "CNAME"), None)
            if alias is None or asked.type in (QTYPE.CNAME, QTYPE.ANY):
                found += [as_rr(name, each) for each in records if asked.type in (getattr(QTYPE, each.type), QTYPE.ANY)]
                return found + self._of_the_zone(name, asked.type, zone), True
            found.append(as_rr(name, alias))
            name = labels_of(alias.address)
        return found, True

    def _of_the_zone(self, name: Labels, kind: int, zone: Zone) -> list[RR]:
        if spelled(name) != labels_of(zone.apex):
            return []
        found = [self._start(zone, name)] if kind in (QTYPE.SOA, QTYPE.ANY) else []
        server = RR(DNSLabel(name), QTYPE.NS, ttl=TTL, rdata=NS(label_of(zone.server)))
        return found + ([server] if kind in (QTYPE.NS, QTYPE.ANY) else [])

    def _start(self, zone: Zone, name: Labels) -> RR:
        """The SOA: its last number is how long it may be remembered that something does not exist."""
        times = (self._serial, 7200, 1800, 86400, TTL)
        owner = DNSLabel(name)
        rdata = SOA(label_of(zone.server), DNSLabel((b"hostmaster", *labels_of(zone.apex))), times)
        return RR(owner, QTYPE.SOA, ttl=TTL, rdata=rdata)

    def _additional(self, answer: list[RR]) -> list[RR]:
        """The addresses of what SRV records lead to, which would be asked for next."""
        targets = dict.fromkeys(tuple(each.rdata.target.label) for each in answer if each.rtype == QTYPE.SRV)
        found = ((name, self._catalogue.records(name) or []) for name in targets)
        return [as_rr(name, each) for name, records in found for each in records if each.type in ("A", "AAAA")]


def as_rr(owner: Labels, record: Record) -> RR:
    return RR(DNSLabel(owner), getattr(QTYPE, record.type), ttl=TTL, rdata=rdata(record))


def rdata(record: Record) -> A | AAAA | CNAME | PTR | SRV | TXT:
    match record.type:
        case "A":
            return A(record.address)
        case "AAAA":
            return AAAA(record.address)
        case "TXT":
            return TXT(record.address)
        case "SRV":
            return SRV(record.priority, record.weight, record.port or 0, label_of(record.address))
        case _:
            return {"CNAME": CNAME, "PTR": PTR}[record.type](label_of(record.address))


def label_of(name: str) -> DNSLabel:
    return DNSLabel(labels_of(name))
