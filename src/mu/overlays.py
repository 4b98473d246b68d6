"""The overlay network of several services: who sends which messages to whom, read from their routes.

What a service sends leads to the one that lets messages in at the same address, such as `tcp 127.0.0.1:8080`. Under
the adapters of a target, in parentheses, is what they are made of: `retry: 3 attempts (tcp 127.0.0.1:8080)`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mu.mu import Mu
from mu.routes import Route


@dataclass(frozen=True)
class Outbound:
    """`ends`: the addresses where it leads, more than one if adapters choose between them; `adapters`: those, named."""

    pattern: str
    ends: tuple[str, ...]
    adapters: tuple[str, ...] = ()


@dataclass
class Service:
    """`addresses`: where it lets messages in; `handles`: the patterns of its handlers."""

    name: str
    addresses: list[str] = field(default_factory=list)
    handles: list[str] = field(default_factory=list)
    sends: list[Outbound] = field(default_factory=list)


class Overlay:
    """Shows itself as text in a terminal, and as a picture in a notebook."""

    def __init__(self, services: list[Service]) -> None:
        self.services = services

    def at(self, address: str) -> Service | None:
        """The service that lets messages in there; None if it is none of these."""
        return next((each for each in self.services if any(same(own, address) for own in each.addresses)), None)

    @property
    def outside(self) -> list[str]:
        """The addresses that something is sent to and where none of these services is."""
        ends = (end for service in self.services for outbound in service.sends for end in outbound.ends)
        return list(dict.fromkeys(end for end in ends if self.at(end) is None))

    def __str__(self) -> str:
        return "\n".join(line for service in self.services for line in self._lines(service))

    def _lines(self, service: Service) -> Iterator[str]:
        yield service.name + (f" at {', '.join(service.addresses)}" if service.addresses else "")
        yield from (f"  handles {pattern}" for pattern in service.handles)
        for outbound in service.sends:
            names = (found.name if (found := self.at(end)) else end for end in outbound.ends)
            by = f" by {', '.join(outbound.adapters)}" if outbound.adapters else ""
            yield f"  sends {outbound.pattern} to {', '.join(names)}{by}"

    __repr__ = __str__

    def _repr_svg_(self) -> str:
        from mu.overlay_picture import drawn

        return drawn(self)


def overlay(*services: Mu | Iterable[Route]) -> Overlay:
    """The overlay of these services, each given as its Mu or as its `routes()`.

    Routes say the name of their Mu; those without one are called "this process".
    """
    found: list[Service] = []
    for given in services:
        by_name: dict[str, Service] = {}
        for route in given.routes() if isinstance(given, Mu) else given:
            add(by_name.setdefault(route.mu, Service(route.mu or "this process")), route)
        found += by_name.values()
    return Overlay(found)


def add(service: Service, route: Route) -> None:
    if route.kind == "inbound":
        service.addresses.append(route.target)
    elif route.kind == "handler":
        service.handles.append(route.pattern)
    else:
        names = list(pieces(route.target))
        ends = dict.fromkeys(name for name, is_end in names if is_end)
        adapters = dict.fromkeys(name for name, is_end in names if not is_end)
        service.sends.append(Outbound(route.pattern, tuple(ends), tuple(adapters)))


def pieces(target: str) -> Iterator[tuple[str, bool]]:
    """The transports and adapters that a target names, each with whether it is an end, as nothing is under it."""
    start = 0
    for position, sign in enumerate(f"{target},"):
        if sign in "(),":
            if name := target[start:position].strip():
                yield name, sign != "("
            start = position + 1


def same(server: str, client: str) -> bool:
    """Whether a client's address is that of a server; one that listens on all addresses has all that have its port."""
    kind, _, place = server.partition(" ")
    host, _, port = place.rpartition(":")
    anywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return client == server or (
        anywhere and bool(port) and client.startswith(f"{kind} ") and client.endswith(f":{port}")
    )
