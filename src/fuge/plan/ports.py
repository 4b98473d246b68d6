"""The ports of all services: declared, given for this run, or the next free one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fuge.plan import faults
from fuge.plan.discovery import variable
from fuge.plan.faults import Place, Where, dotted
from fuge.plan.fields import Declared
from fuge.plan.places import Document
from fuge.plan.schema import Entry
from fuge.plan.system import Port
from fuge.ports import is_free

NOWHERE = Place(0, 0)  # what is given for a run is not said in the file
OWN = ("dns", "traces")  # what fuge itself listens for


@dataclass
class Claim:
    """A port that a service asks for; `number` is None as long as any will do."""

    service: str
    name: str
    where: Where
    host: str
    number: int | None
    target: int | None = None
    container: bool = False
    given: bool = False  # for this run, whatever the file says
    auto: bool = False


def settle(
    document: Document,
    entries: Mapping[str, Entry],
    hosts: Mapping[str, str],
    given: Mapping[str, int],
    start: int,
    reserved: list[Claim],
) -> dict[str, tuple[Port, ...]]:
    """The ports of each service. Notes the faults among them.

    `given` has numbers for this run, by "SERVICE" (its first port) or "SERVICE.PORT"; `auto` counts from `start`.
    `reserved` are ports that are no service's; "dns" gives the number of dns_port, "traces" that of traces_port, and
    changes the claim; while one of the two is off, its number is of no account.
    """
    claims = [claim for name, entry in entries.items() for claim in declared(document, name, entry, hosts[name])]
    override(document, claims, given, reserved)
    refuse_same(document, [*reserved, *claims])
    number_the_rest(document, [*reserved, *claims], start)
    found: dict[str, tuple[Port, ...]] = dict.fromkeys(entries, ())
    for claim in claims:
        target = claim.target if claim.target != claim.number else None
        found[claim.service] += (Port(claim.name, claim.number or 0, target, claim.auto),)
    return found


def declared(document: Document, service: str, entry: Entry, host: str) -> Iterator[Claim]:
    seen: dict[str, str] = {}
    for where, name, port in items(service, entry):
        if first := seen.get(variable(name)):
            found = f"{name!r}, whose variable is that of {first!r} as well" if first != name else f"{name!r} again"
            document.complain(where, "another name", found, at_key=isinstance(entry.ports, dict))
            continue
        seen[variable(name)] = name
        auto = port.number is None
        yield Claim(service, name, where, host, *port, container=entry.type == "container", auto=auto)


def items(service: str, entry: Entry) -> Iterator[tuple[Where, str, Declared]]:
    if isinstance(entry.ports, dict):
        for name, port in entry.ports.items():
            yield (service, "ports", name), name, port
    else:
        for index, (name, port) in enumerate(entry.ports):
            yield (service, "ports", index), name, port


def override(document: Document, claims: list[Claim], given: Mapping[str, int], reserved: list[Claim]) -> None:
    """Set the numbers that are given for this run. A container goes on listening on the port it had inside."""
    by_name = {f"{claim.service}.{claim.name}": claim for claim in claims}
    by_name |= {claim.service: claim for claim in reversed(claims)}
    by_name |= {claim.name.removesuffix("_port"): claim for claim in reserved}
    for name, number in given.items():
        if name not in by_name:
            if name not in OWN:
                unknown(document, name, by_name)
        elif not 1 <= number <= 65535:
            document.complain((), f"a port from 1 to 65535 for {name}", str(number), place=NOWHERE)
        else:
            claim = by_name[name]
            if claim.container:
                claim.target = claim.target or claim.number
            claim.number, claim.given = number, True


def unknown(document: Document, name: str, by_name: Mapping[str, Claim]) -> None:
    if document.faults:
        return  # it may be the name of a port that is faulty
    known = [full for full in by_name if "." in full]
    expected = f"the name of one of its ports ({faults.one_of(known)})" if known else "ports in it, to set one"
    document.complain((), expected, repr(name), faults.nearest(name, by_name), place=NOWHERE)


def refuse_same(document: Document, claims: list[Claim]) -> None:
    holders: dict[int, Claim] = {}
    for claim in claims:
        if claim.number is None:
            continue
        first = holders.setdefault(claim.number, claim)
        if first is not claim:
            holder = f"{dotted(first.where)} ({document.position(first.where)}) has already"
            run = ", given for this run" if first.given or claim.given else ""
            document.complain(claim.where, "a port of its own", f"{claim.number}, which {holder}{run}")


def number_the_rest(document: Document, claims: list[Claim], start: int) -> None:
    taken = {claim.number for claim in claims}
    for claim in claims:
        if claim.number is not None:
            continue
        free = (number for number in range(start, 65536) if number not in taken and is_free(number, claim.host))
        claim.number = next(free, None)
        taken.add(claim.number)
        if claim.number is None:
            document.complain(claim.where, f"a free port from {start} (auto_port_start) on", "none")
