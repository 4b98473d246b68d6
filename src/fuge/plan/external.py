"""`dns_external`: records of what runs elsewhere, as texts such as `db.example.com IN A 10.0.0.5`."""

import ipaddress
from collections.abc import Iterable

from concordant import BadName
from concordant.naming import checked, without_port
from fuge.plan.records import Record, is_below

FORMS = "NAME IN A ADDRESS, NAME IN AAAA ADDRESS, NAME IN CNAME TARGET or NAME IN SRV PRIORITY WEIGHT PORT TARGET"
LARGEST = 65535  # of priority, weight and port


def records(texts: Iterable[str]) -> list[Record]:
    """Raises ValueError for a text that is no such record, with what was found in its place."""
    return [record(text) for text in texts]


def record(text: str) -> Record:
    match text.split():
        case [owner, "IN", "A", address]:
            return Record(name(owner), "A", str(ipaddress.IPv4Address(address)))
        case [owner, "IN", "AAAA", address]:
            return Record(name(owner), "AAAA", str(ipaddress.IPv6Address(address)))
        case [owner, "IN", "CNAME", target]:
            return Record(name(owner), "CNAME", name(target))
        case [owner, "IN", "SRV", priority, weight, port, target]:
            numbers = [number(each) for each in (priority, weight, port)]
            return Record(name(owner), "SRV", name(target), numbers[2], numbers[0], numbers[1])
        case _:
            raise ValueError(text)


def name(text: str) -> str:
    try:
        return checked(text).removesuffix(".").lower()
    except BadName as problem:
        raise ValueError(text) from problem


def number(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST:
        raise ValueError(text)
    return int(text)


def apex(record: Record) -> str:
    """The zone of a record outside the cluster: that of its host alone."""
    return without_port(record.name)


def expected(text: str, cluster: str) -> str:
    """What should be there in place of a text that is no such record, or must not be; "" if it is right."""
    try:
        found = record(text)
    except ValueError:
        return FORMS
    if found.type == "CNAME" and not is_below(found.name, cluster):
        return f"a CNAME of a name below {cluster}; of another name, its address"
    return ""
