"""Draws the system of a fuge.yml as SVG: who runs, where it listens, what it needs first."""

from html import escape

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
    rows = layers(system)
    width = max(LEAST_WIDTH, max(map(len, rows)) * (BOX_WIDTH + GAP) - GAP + 2 * MARGIN)
    height = TOP + len(rows) * (BOX_HEIGHT + GAP) - GAP + MARGIN
    places = {
        name: ((width - len(row) * (BOX_WIDTH + GAP) + GAP) // 2 + column * (BOX_WIDTH + GAP), top_of(number))
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    old = before.services if before else {}
    boxes = [box(service, places[name], new=name not in old) for name, service in system.services.items()]
    arrows = [
        arrow(places[name], places[needed])
        for name, service in system.services.items()
        for needed in service.depends_on
    ]
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


def layers(system: System) -> list[list[str]]:
    """Names by the longest way that leads down from them: those that depend on others above those others."""
    depth: dict[str, int] = {}

    def depth_of(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max(map(depth_of, system.services[name].depends_on), default=-1)
        return depth[name]

    deepest = max(map(depth_of, system.services))
    rows = ([name for name in system.services if depth[name] == level] for level in range(deepest, -1, -1))
    return list(rows)


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


def arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    (left, top), (to_left, to_top) = start, end
    return f'<path class="arrow" d="M{left + BOX_WIDTH // 2} {top + BOX_HEIGHT} L{to_left + BOX_WIDTH // 2} {to_top}"/>'
