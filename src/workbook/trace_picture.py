"""Draws a trace as SVG: a bar for each span, by time, below the one that it belongs to; coloured by service."""

from collections.abc import Sequence
from html import escape
from typing import Any

from fuge.faces.trace_tree import Node, tree

WIDTH, TOP, ROW, MARGIN = 800, 54, 26, 20
NAMES, STEP, LETTER = 420, 16, 7.5  # widths: of the names, of an indentation, of a letter at most
BARS_LEFT, BARS = MARGIN + NAMES + 10, 250
LEAST_BAR = 2
LONGEST_REASON = 24  # letters
COLOURS = ("#1b5fa7", "#8a4b00", "#7a3a9c", "#17703a", "#a3195b", "#006b75", "#6b5a00", "#4b4fc4")
STYLE = """
    .trace .frame { fill: #ffffff; stroke: #c9d0da; }
    .trace text { font: 13px system-ui, sans-serif; fill: #1c2430; text-anchor: start; }
    .trace .title { font-size: 15px; font-weight: 600; }
    .trace .service { font-weight: 600; }
    .trace .time { text-anchor: end; font-variant-numeric: tabular-nums; }
    .trace .failed { fill: #b3161b; font-weight: 600; }
    .trace .track { fill: #f3f2ef; }
    .trace .bad { stroke: #b3161b; stroke-width: 2; }
"""
Span = dict[str, Any]  # as `fuge traces ID --json` tells it
TIMES = {  # what is another at each run: a pattern, and what may stand in its place
    r"\d+\.\d\xa0ms": "(time)",
    r'(class="bar[^"]*") x="[\d.]+" width="[\d.]+"': r"\1",
}


def as_text(spans: Sequence[Span]) -> str:
    """The same without its times: a line for each span."""
    return "\n".join(
        f"{node.span['service']:16}{'    ' * node.depth}{node.span['name']}{said_of_failure(node.span, '  ')}"
        for node in tree(spans)
    )


def drawn(spans: Sequence[Span]) -> str:
    """Raises ValueError for no spans."""
    nodes = list(tree(spans))
    whole = max(span["offset"] + span["duration"] for span in spans)
    services = list(dict.fromkeys(node.span["service"] for node in nodes))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(services)}
    title = f"{nodes[0].span['service']}: {nodes[0].span['name']}, {milliseconds(whole)} in all"
    said = "; ".join(described(node.span) for node in nodes)
    rows = "\n  ".join(row(node, TOP + ROW * number, whole, colours) for number, node in enumerate(nodes))
    height = TOP + ROW * len(nodes) + MARGIN
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" class="trace" {size} role="img">
  <title>{escape(title)}</title>
  <desc>{escape(said)}</desc>
  <style>{STYLE}  </style>
  <rect class="frame" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>
  <text class="title" x="{MARGIN}" y="32">{escape(title)}</text>
  {rows}
</svg>
"""


def row(node: Node, top: int, whole: float, colours: dict[str, str]) -> str:
    span, indent, line = node.span, STEP * node.depth, top + ROW // 2 + 5
    service, colour = span["service"], colours[span["service"]]
    failure = cut(span["message"] or "failed", LONGEST_REASON) if span["error"] else ""
    name = cut(span["name"], int((NAMES - indent) / LETTER) - len(f"{service} {failure} "))
    words = [
        f'<tspan class="service" style="fill: {colour}">{escape(service)}</tspan> {escape(name)}',
        *([f'<tspan class="failed">{escape(failure)}</tspan>'] if failure else []),
    ]
    return (
        f'<text x="{MARGIN + indent}" y="{line}">{" ".join(words)}</text>'
        f'<rect class="track" x="{BARS_LEFT}" y="{top + 6}" width="{BARS}" height="{ROW - 10}" rx="3"/>'
        f"{bar(span, top + 6, whole, colour)}"
        f'<text class="time" x="{WIDTH - MARGIN}" y="{line}">{milliseconds(span["duration"])}</text>'
    )


def bar(span: Span, top: int, whole: float, colour: str) -> str:
    scale = BARS / whole if whole else 0
    left = min(span["offset"] * scale, BARS - LEAST_BAR)
    width = max(LEAST_BAR, min(span["duration"] * scale, BARS - left))
    place = f'x="{BARS_LEFT + left:.1f}" width="{width:.1f}" y="{top}" height="{ROW - 10}"'
    return f'<rect class="bar{" bad" if span["error"] else ""}" {place} rx="3" style="fill: {colour}"/>'


def said_of_failure(span: Span, before: str) -> str:
    """In a text; empty for one that has not failed."""
    return f"{before}failed: {span['message']}".removesuffix(": ") if span["error"] else ""


def described(span: Span) -> str:
    return f"{span['service']}: {span['name']}, {milliseconds(span['duration'])}{said_of_failure(span, ', ')}"


def cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(room - 1, 0)]}…"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}\xa0ms"
