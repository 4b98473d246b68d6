"""The routes of one or several Mus, as a table in a terminal and in a notebook."""

from dataclasses import dataclass

from mu import tables


@dataclass(frozen=True)
class Route:
    """`kind`: handler, outbound or inbound. `target`: a function or a transport, in words."""

    mu: str
    kind: str
    pattern: str
    target: str


class Routes(list[Route]):
    """A list of routes; `+` puts those of several Mus into one."""

    def _rows(self) -> list[tables.Row]:
        rows = [("at", "kind", "pattern", "leads to"), *((r.mu, r.kind, r.pattern, r.target) for r in self)]
        named = any(route.mu for route in self)
        return [row if named else row[1:] for row in rows]

    def __add__(self, other: list[Route]) -> "Routes":  # type: ignore[override]
        return Routes([*self, *other])

    def __str__(self) -> str:
        return tables.as_text(self._rows())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return tables.as_html(self._rows())
