"""How fuge learns that a service is ready: as its entry says, else by its first port."""

from collections.abc import Sequence
from typing import Literal, get_args

from fuge.plan.faults import Where, nearest, one_of
from fuge.plan.places import Document
from fuge.plan.schema import Entry, Probe
from fuge.plan.system import Port, Readiness

ProbeKind = Literal["tcp", "http", "exec", "log"]
KINDS: tuple[ProbeKind, ...] = get_args(ProbeKind)


def of(document: Document, name: str, entry: Entry, ports: Sequence[Port]) -> Readiness:
    """The readiness of a service. Notes the faults of what its entry says of it."""
    if isinstance(entry.readiness, Probe):
        found = probe(document, name, entry.readiness, [port.name for port in ports])
        if "ports" in entry.model_fields_set or "ports" not in document.get((name,)):  # else the ports are faulty
            check_ports(document, name, found, [port.name for port in ports])
        return found
    if ports and "readiness" not in entry.model_fields_set:
        return Readiness("tcp", ports[0].name)
    return Readiness("started")


def probe(document: Document, name: str, said: Probe, ports: list[str]) -> Readiness:
    where: Where = (name, "readiness")
    given = [kind for kind in KINDS if kind in said.model_fields_set]
    if len(given) != 1:
        document.complain(where, f"exactly one of {one_of(KINDS)}", " and ".join(given) or "none")
        return Readiness()
    [kind] = given
    if "port" in said.model_fields_set and kind != "http":
        document.complain((*where, "port"), "port only beside http", f"it beside {kind}", at_key=True)
    port = (said.port or next(iter(ports), "")) if kind == "http" else ""
    return Readiness(kind, getattr(said, kind), port, said.interval, said.timeout)


def check_ports(document: Document, name: str, found: Readiness, ports: list[str]) -> None:
    """The port that is to be asked is one of the service's."""
    if found.kind == "http" and not ports:
        document.complain((name, "readiness", "http"), "a service with ports", "none")
        return
    key, port = ("tcp", found.what) if found.kind == "tcp" else ("port", found.port)
    if port and port not in ports:
        advice = nearest(port, ports) or (f"there are {', '.join(ports)}" if ports else "it has no ports")
        document.complain((name, "readiness", key), "one of the service's ports", repr(port), advice)
