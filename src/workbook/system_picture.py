"""Draws the system of a fuge.yml as SVG: who runs, where it listens, what it needs first."""

from html import escape
from itertools import pairwise
from statistics import fmean

from fuge import Service, System
from workbook.pictures import arrow_head

BOX_WIDTH, BOX_HEIGHT, GAP, MARGIN, TOP = 200, 84, 56, 40, 64
LEAST_WIDTH = 460  # room for the caption
STYLE = """
    .frame { fill: #ffffff; stroke: #c9d0da; }
    .fuge { fill: none; stroke: #5b6675; stroke-dasharray: 5 4; }
    text { font: 14px system-ui, sans-serif; fill: #1c2430; text-anchor: middle; }
    .small { font-size: 12.5px; }
    .mono { font: 12.5px ui-monospace, monospace; }
    .here rect { fill: #d8efe9; stroke: #0b6b5d; stroke-width: 1.5; }
    .new rect { fill: #0b6b5d; stroke: #0b6b5d; }
    .new text { fill: #ffffff; }
    .arrow { stroke: #0b6b5d; stroke-width: 2; fill: none; marker-end: url(#needs); }
"""


def drawn(system: System, before: System | None = None) -> str:
    """The services in rows, each above those that it depends on; dark are those that `before` does not have."""
    depth = depths(system)
    routes = [route(name, needed, depth) for name, service in system.services.items() for needed in service.depends_on]
    rows = layers(depth, routes)
    width = max(LEAST_WIDTH, max(map(len, rows)) * (BOX_WIDTH + GAP) - GAP + 2 * MARGIN)
    height = TOP + len(rows) * (BOX_HEIGHT + GAP) - GAP + MARGIN
    places = {
        name: ((width - len(row) * (BOX_WIDTH + GAP) + GAP) // 2 + column * (BOX_WIDTH + GAP), top_of(number))
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    old = before.services if before else {}
    boxes = [box(service, places[name], new=name not in old) for name, service in system.services.items()]
    arrows = [arrow([places[stop] for stop in stops]) for stops in routes]
    body = "\n  ".join([*arrows, *boxes])
    said = "; ".join(describe(service) for service in system.services.values())
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">
  <title>The system that fuge runs</title>
  <desc>{escape(said)}</desc>
  <style>{STYLE}  </style>
  <defs>{arrow_head("needs", "#0b6b5d")}</defs>
  <rect class="frame" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>
  <rect class="fuge" x="14" y="34" width="{width - 28}" height="{height - 48}" rx="10"/>
  <text class="small" x="{width / 2:g}" y="24">fuge runs these; an arrow leads to what must be ready first</text>
  {body}
</svg>
"""


def depths(system: System) -> dict[str, int]:
    """How many rows lie below each service: as many as the longest way has that leads down from it."""
    depth: dict[str, int] = {}

    def depth_of(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max(map(depth_of, system.services[name].depends_on), default=-1)
        return depth[name]

    for name in system.services:
        depth_of(name)
    return {name: depth[name] for name in system.services}


def route(start: str, end: str, depth: dict[str, int]) -> list[str]:
    """The stops of an arrow. In each row that it crosses it has a place, added to `depth`, and runs behind no box."""
    crossed = {f"{start} to {end}, {level} above": level for level in range(depth[start] - 1, depth[end], -1)}
    depth |= crossed
    return [start, *crossed, end]


def layers(depth: dict[str, int], routes: list[list[str]]) -> list[list[str]]:
    """The rows, in each of them what is below one place beside what is below the next, so that few arrows cross."""
    above = {name: [upper for stops in routes for upper, lower in pairwise(stops) if lower == name] for name in depth}
    rows: list[list[str]] = []
    middle: dict[str, float] = {}  # how far right of the middle
    for level in range(max(depth.values()), -1, -1):
        row = [name for name in depth if depth[name] == level]
        mean = {name: fmean([middle[each] for each in above[name]] or [0]) for name in row}
        rows.append(sorted(row, key=mean.__getitem__))
        middle |= {name: place - (len(row) - 1) / 2 for place, name in enumerate(rows[-1])}
    return rows


def top_of(row: int) -> int:
    return TOP + row * (BOX_HEIGHT + GAP)


def describe(service: Service) -> str:
    where = ", ".join(f"{port.name} {port.number}" for port in service.ports)
    needs = f", needs {', '.join(service.depends_on)}" if service.depends_on else ""
    return f"{service.name}: {service.run or service.image}" + (f" on port {where}" if where else "") + needs


def box(service: Service, place: tuple[int, int], new: bool) -> str:
    left, top = place
    middle = left + BOX_WIDTH / 2
    ports = ", ".join(f"{port.name} = {port.number}" for port in service.ports) or "no port"
    name = f"{service.name} (new)" if new else service.name
    lines = [("", name), ("mono", service.run or service.image), ("small", ports)]
    texts = "".join(
        f'<text class="{style}" x="{middle:g}" y="{top + 26 + 22 * number}">{escape(text)}</text>'
        for number, (style, text) in enumerate(lines)
    )
    rect = f'<rect x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
    return f'<g class="{"new" if new else "here"}">{rect}{texts}</g>'


def arrow(places: list[tuple[int, int]]) -> str:
    """From below the first place, through those between, to above the last."""
    (left, top), *between, (to_left, to_top) = places
    points = [(left, top + BOX_HEIGHT)]
    points += [(x, y) for x, upper in between for y in (upper, upper + BOX_HEIGHT)]
    line = " L".join(f"{x + BOX_WIDTH // 2} {y}" for x, y in [*points, (to_left, to_top)])
    return f'<path class="arrow" d="M{line}"/>'
