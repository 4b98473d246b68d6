"""Draws an overlay as SVG: services from left to right, each with what it handles and what it sends on."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mu.overlays import Overlay, Service

LETTER = 7.6  # width of one, at most
LEAST_WIDTH, GAP_X, GAP_Y, PAD = 170, 90, 28, 12
TITLE, LINE, ROW = 36, 18, 30  # heights: of a name, of a line of small text, of a pattern
TOP, BOTTOM, MARGIN = 24, 48, 28
LEGEND = "light: what it handles · dark: what it sends"
STYLE = """
    .frame { fill: #ffffff; stroke: #c9d0da; }
    text { font: 14px system-ui, sans-serif; fill: #1c2430; text-anchor: middle; }
    .title { font-weight: 600; }
    .small { font-size: 12.5px; }
    .mono { font: 12.5px ui-monospace, monospace; }
    .service > rect { fill: #f5f6f8; stroke: #0b6b5d; stroke-width: 1.5; }
    .outside > rect { fill: #f5f6f8; stroke: #a2acba; stroke-dasharray: 5 4; }
    .outside text { fill: #5b6675; }
    .handles rect { fill: #d8efe9; stroke: #0b6b5d; }
    .sends rect { fill: #0b6b5d; stroke: #0b6b5d; }
    .sends .mono { fill: #ffffff; }
    .arrow { stroke: #0b6b5d; stroke-width: 2; fill: none; marker-end: url(#sends); }
"""


@dataclass(frozen=True)
class Row:
    """A pattern that a service `handles` or `sends`; `note` stands below it."""

    kind: str
    pattern: str
    note: str = ""

    @property
    def height(self) -> int:
        return ROW + (LINE if self.note else 0)


@dataclass(eq=False)
class Box:
    """A service, or an address outside; `left` and `top` are known once the whole picture is."""

    kind: str
    name: str
    addresses: list[str]
    rows: list[Row]
    left: int = 0
    top: int = 0

    @property
    def height(self) -> int:
        return self.first_row + sum(row.height for row in self.rows) + PAD // 2

    @property
    def first_row(self) -> int:
        return TITLE + LINE * len(self.addresses) + (PAD // 2 if self.addresses else 0)

    @property
    def longest(self) -> int:
        return max(
            map(len, [self.name, *self.addresses, *(each for row in self.rows for each in (row.pattern, row.note))])
        )

    def middle_of(self, row: Row) -> int:
        """Where the pattern's middle is, from the top of the picture."""
        above = self.rows[: self.rows.index(row)]
        return self.top + self.first_row + sum(each.height for each in above) + ROW // 2 - 3


Arrow = tuple[Box, Row, Box]


def drawn(overlay: "Overlay") -> str:
    boxes, arrows = parts(overlay)
    columns = in_columns(boxes, arrows)
    box_width = max([LEAST_WIDTH, *(int(LETTER * box.longest) + 4 * PAD for box in boxes)])
    width = max(len(columns) * (box_width + GAP_X) - GAP_X, int(len(LEGEND) * LETTER)) + 2 * MARGIN
    height = max([0, *map(height_of, columns)]) + TOP + BOTTOM
    place(columns, width, height, box_width)
    body = "\n  ".join([*(draw_arrow(arrow, box_width) for arrow in arrows), *(draw(box, box_width) for box in boxes)])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">
  <title>Which messages go where</title>
  <desc>{escape(str(overlay))}</desc>
  <style>{STYLE}  </style>
  <defs><marker id="sends" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
    markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#0b6b5d"/></marker></defs>
  <rect class="frame" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>
  {body}
  <text class="small" x="{width / 2:g}" y="{height - 18}">{LEGEND}</text>
</svg>
"""


def parts(overlay: "Overlay") -> tuple[list[Box], list[Arrow]]:
    boxes = {id(service): box_of(service) for service in overlay.services}
    outside = {address: Box("outside", address, [], []) for address in overlay.outside}
    arrows = []
    for service in overlay.services:
        box = boxes[id(service)]
        sends = [row for row in box.rows if row.kind == "sends"]
        for row, outbound in zip(sends, service.sends, strict=True):
            for address in outbound.ends:
                found = overlay.at(address)
                arrows.append((box, row, boxes[id(found)] if found else outside[address]))
    return [*boxes.values(), *outside.values()], arrows


def box_of(service: "Service") -> Box:
    handles = [Row("handles", pattern) for pattern in service.handles]
    sends = [Row("sends", outbound.pattern, ", ".join(outbound.adapters)) for outbound in service.sends]
    return Box("service", service.name, service.addresses, [*handles, *sends])


def in_columns(boxes: list[Box], arrows: list[Arrow]) -> list[list[Box]]:
    """Each box to the right of all that send to it; where they send in a circle, the arrow that closes it goes back."""
    onward: set[tuple[Box, Box]] = set()
    visited: set[Box] = set()

    def visit(box: Box, way: list[Box]) -> None:
        visited.add(box)
        for end in (end for start, _, end in arrows if start is box and end not in way):
            onward.add((box, end))
            if end not in visited:
                visit(end, [*way, end])

    for box in boxes:
        if box not in visited:
            visit(box, [box])
    depth = dict.fromkeys(boxes, 0)
    for _ in boxes:
        for start, end in onward:
            depth[end] = max(depth[end], depth[start] + 1)
    return [[box for box in boxes if depth[box] == level] for level in sorted(set(depth.values()))]


def height_of(column: list[Box]) -> int:
    return sum(box.height + GAP_Y for box in column) - GAP_Y


def place(columns: list[list[Box]], width: int, height: int, box_width: int) -> None:
    """The columns side by side, each in the middle of the height."""
    left = (width - len(columns) * (box_width + GAP_X) + GAP_X) // 2
    for column in columns:
        top = TOP + (height - TOP - BOTTOM - height_of(column)) // 2
        for box in column:
            box.left, box.top = left, top
            top += box.height + GAP_Y
        left += box_width + GAP_X


def draw_arrow(arrow: Arrow, box_width: int) -> str:
    start, row, end = arrow
    x, y, to_x, to_y = start.left + box_width, start.middle_of(row), end.left, end.top + TITLE // 2 + 2
    bend = GAP_X // 2 if to_x > x else GAP_X
    return f'<path class="arrow" d="M{x - PAD} {y} L{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"/>'


def draw(box: Box, width: int) -> str:
    middle = box.left + width / 2
    rect = f'<rect x="{box.left}" y="{box.top}" width="{width}" height="{box.height}" rx="8"/>'
    title = text("title" if box.kind == "service" else "mono", middle, box.top + 25, box.name)
    addresses = [text("small", middle, box.top + TITLE + LINE * n + 9, line) for n, line in enumerate(box.addresses)]
    rows = [draw_row(row, box.left + PAD, box.middle_of(row), width - 2 * PAD) for row in box.rows]
    return f'<g class="{box.kind}">{"".join([rect, title, *addresses, *rows])}</g>'


def draw_row(row: Row, left: int, middle: int, width: int) -> str:
    rect = f'<rect x="{left}" y="{middle - 12}" width="{width}" height="24" rx="5"/>'
    note = text("small", left + width / 2, middle + 27, row.note) if row.note else ""
    return f'<g class="{row.kind}">{rect}{text("mono", left + width / 2, middle + 4, row.pattern)}{note}</g>'


def text(style: str, x: float, y: int, words: str) -> str:
    return f'<text class="{style}" x="{x:g}" y="{y}">{escape(words)}</text>'
