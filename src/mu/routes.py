"""The routes of one or several Mus, as a table in a terminal and in a notebook."""

import html
from dataclasses import dataclass

HEADINGS = ("at", "kind", "pattern", "leads to")


@dataclass(frozen=True)
class Route:
    """`kind`: handler, outbound or inbound. `target`: a function or a transport, in words."""

    mu: str
    kind: str
    pattern: str
    target: str


class Routes(list[Route]):
    """A list of routes; add several Mus' with `+`."""

    def _cells(self) -> list[tuple[str, ...]]:
        rows = [(each.mu, each.kind, each.pattern, each.target) for each in self]
        named = any(row[0] for row in rows)
        return [row if named else row[1:] for row in [HEADINGS, *rows]]

    def __add__(self, other: list[Route]) -> "Routes":  # type: ignore[override]
        return Routes([*self, *other])

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self._cells()
        titles = "".join(f"<th>{html.escape(title)}</th>" for title in head)
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align: left'>{html.escape(text)}</td>" for text in row) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
