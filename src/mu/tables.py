"""Rows of text as a table: for a terminal, and for a notebook."""

import html
from collections.abc import Sequence

Row = Sequence[str]
LEFT = ' style="text-align: left"'


def as_text(rows: Sequence[Row]) -> str:
    """The first row holds the headings."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def as_html(rows: Sequence[Row]) -> str:
    head, *body = rows
    return (
        f"<table{LEFT}><thead>{html_row(head, 'th')}</thead>"
        f"<tbody>{''.join(html_row(row, 'td') for row in body)}</tbody></table>"
    )


def html_row(row: Row, tag: str) -> str:
    return f"<tr{LEFT}>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in row)}</tr>"
