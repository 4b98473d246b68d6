"""What DNS says of a name, as plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """One line of DNS. `name` is a whole one in lower case without its last dot, and so is `address` if it is a name.

    `type` is A, AAAA, SRV, CNAME, PTR or TXT; `address` what the record leads to (the text of a TXT). Only an SRV has
    a `port`, a `priority` (the lowest is taken first) and a `weight` (its share among those of the same priority).
    """

    name: str
    type: str
    address: str
    port: int | None = None
    priority: int = 0
    weight: int = 0


@dataclass(frozen=True)
class Zone:
    """All names below `apex`. `server` is the name of the DNS server, `empty` has names without any record."""

    apex: str
    server: str
    records: tuple[Record, ...]
    empty: tuple[str, ...] = ()


def address(name: str, host: str) -> Record:
    """The record of an IPv4 or IPv6 address."""
    return Record(name, "AAAA" if ":" in host else "A", host)


def is_below(name: str, apex: str) -> bool:
    """Whether a name is in the zone of that apex."""
    return not apex or name == apex or name.endswith(f".{apex}")
