"""A zone as other DNS servers read it: a master file (RFC 1035, section 5), such as BIND's."""

import ipaddress
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from fuge.errors import FugeError
from fuge.plan.records import Record, Zone
from fuge.plan.system import Service, System

TTL = 5  # seconds, as Kubernetes' DNS has it
WORD = re.compile(r"(?P<service>[^=]+)=(?P<address>\[[^\]]+\]|[^:]+)(:(?P<port>[0-9]{1,5}))?")


class Elsewhere(NamedTuple):
    """Where a service is found in production; `port` replaces the number of its first port."""

    service: str
    address: str
    port: int | None


def elsewhere(word: str) -> Elsewhere:
    """From `mongo=10.96.0.10`, `mongo=10.96.0.10:27017` or `mongo=[fd00::10]:27017`. Raises ValueError."""
    match = WORD.fullmatch(word)
    if match is None:
        raise ValueError(word)
    address = str(ipaddress.ip_address(match["address"].strip("[]")))
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(word)
    return Elsewhere(match["service"], address, port)


def moved(system: System, places: list[Elsewhere]) -> System:
    """The system with services at other places. Raises FugeError for a service that is not there, or has no port."""
    services = dict(system.services)
    for place in places:
        service = system.service(place.service)
        services[service.name] = at(service, place)
    return replace(system, services=services)


def at(service: Service, place: Elsewhere) -> Service:
    if not service.ports:
        raise FugeError(
            f"{service.name} has no port in fuge.yml, so DNS does not know it: give it one, or leave it out"
        )
    first, *others = service.ports
    number = first.number if place.port is None else place.port
    return replace(service, host=place.address, ports=(replace(first, number=number), *others))


def text(known: Mapping[str, Zone], apex: str) -> str:
    """The file of the zone with that name. Raises FugeError if there is none."""
    if apex not in known:
        raise FugeError(f"expected the name of a zone, one of {', '.join(known)}; found {apex!r}")
    zone = known[apex]
    others = ", ".join(each for each in known if each != apex) or "none"
    lines = [
        f"; the zone {apex}, by fuge zone --bind (further zones: {others})",
        f"$ORIGIN {full(apex)}",
        f"$TTL {TTL}",
        f"@ IN SOA {full(zone.server)} hostmaster {int(time.time())} 7200 1800 86400 {TTL}",
        f"@ IN NS {full(zone.server)}",
        *map(line, zone.records),
    ]
    return "\n".join(lines)


def line(record: Record) -> str:
    match record.type:
        case "A" | "AAAA":
            value = record.address
        case "TXT":
            value = f'"{record.address}"'
        case "SRV":
            value = f"{record.priority} {record.weight} {record.port} {full(record.address)}"
        case _:
            value = full(record.address)
    return f"{full(record.name)} IN {record.type} {value}"


def full(name: str) -> str:
    return f"{name}."
