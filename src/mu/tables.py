"""Rows of text as a table: for a terminal, and for a notebook."""

import html
from collections.abc import Sequence

Row = Sequence[str]


def as_text(rows: Sequence[Row]) -> str:
    """The first row holds the headings."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def as_html(rows: Sequence[Row]) -> str:
    head, *body = ["".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) for tag, row in tagged(rows)]
    style = ' style="text-align: left"'
    return (
        f"<table{style}><thead><tr{style}>{head}</tr></thead>"
        f"<tbody>{''.join(f'<tr{style}>{row}</tr>' for row in body)}</tbody></table>"
    )


def tagged(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    return [("td" if number else "th", row) for number, row in enumerate(rows)]
