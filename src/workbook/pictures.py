"""Draws the reference architecture as SVG, with the parts marked that a step's files show to exist."""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from workbook import course
from workbook.course import Recipe

WIDTH, HEIGHT = 760, 496
LEGEND = "dark: new in this recipe · light: here before · dashed: later"
STYLE = """
    .frame { fill: #ffffff; stroke: #c9d0da; }
    text { font: 14px system-ui, sans-serif; fill: #1c2430; text-anchor: middle; }
    .title { font-size: 17px; font-weight: 600; }
    .small { font-size: 12.5px; }
    .later rect { fill: #f5f6f8; stroke: #a2acba; stroke-dasharray: 5 4; }
    .later text { fill: #5b6675; }
    .here rect { fill: #d8efe9; stroke: #0b6b5d; stroke-width: 1.5; }
    .new rect { fill: #0b6b5d; stroke: #0b6b5d; }
    .new text { fill: #ffffff; }
    .arrow { stroke: #a2acba; stroke-width: 1.5; stroke-dasharray: 5 4; fill: none; marker-end: url(#later); }
    .arrow.live { stroke: #0b6b5d; stroke-width: 2; stroke-dasharray: none; marker-end: url(#live); }
"""


@dataclass(frozen=True)
class Element:
    """A part of the reference architecture, and its box: left, top, width, height."""

    name: str
    box: tuple[int, int, int, int]


ELEMENTS = {
    "clients": Element("Clients", (270, 60, 220, 62)),
    "assets": Element("Static assets", (30, 170, 190, 62)),
    "api": Element("API layer", (270, 170, 220, 62)),
    "discovery": Element("Service discovery", (540, 170, 190, 62)),
    "direct": Element("Direct response services", (90, 280, 260, 62)),
    "async": Element("Asynchronous services", (410, 280, 260, 62)),
    "data": Element("Data sources and external APIs", (200, 390, 360, 58)),
}
ARROWS = [
    ("clients", "api"),
    ("clients", "assets"),
    ("api", "discovery"),
    ("api", "direct"),
    ("api", "async"),
    ("direct", "data"),
    ("async", "data"),
]
DATABASES = {"mongo"}
QUEUES = {"redis"}
BESIDE_THE_QUEUE = 560  # right of the arrow from the API layer to the asynchronous services
PAST_THE_API = "M290 122 L245 165 L245 280"  # while there is no API layer, clients call a service directly


def parts(step: Path) -> dict[str, list[str]]:
    """What stands for each element in the files of a step."""
    has_webapp = (step / "webapp").is_dir()
    services = sorted(path.parent.name for path in step.glob("*_service/service.py"))
    return {
        "clients": ["a browser" if has_webapp else "curl"] if step.is_dir() else [],
        "assets": ["style sheet"] if (step / "webapp" / "public").is_dir() else [],
        "api": ["webapp"] if has_webapp else [],
        "discovery": ["DNS"] if "dns_enabled: true" in system_file(step) else [],
        "direct": [name for name in services if not takes_from_queue(step / name)],
        "async": [name for name in services if takes_from_queue(step / name)],
        "data": [name for name in containers(step) if name in DATABASES],
    }


def takes_from_queue(service: Path) -> bool:
    """Whether its wiring lets messages in by a queue, not from callers themselves."""
    file = service / "wiring.py"
    wiring = file.read_text(encoding="utf-8") if file.is_file() else ""
    return bool(re.search(r"^mu\.inbound\(.*\bredis\b", wiring, re.MULTILINE))


def containers(step: Path) -> list[str]:
    """The services of its fuge.yml that are containers."""
    return re.findall(r"^(\w+):\n  type: container$", system_file(step), re.MULTILINE)


def system_file(step: Path) -> str:
    """The text of its fuge.yml; empty before there is one."""
    file = step / "fuge" / "fuge.yml"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def architecture(recipe: Recipe) -> str:
    """The picture after a recipe, as SVG: dashed what comes later, filled what exists, dark what is new."""
    previous = course.before(recipe)
    old = parts(previous.step) if previous else {key: [] for key in ELEMENTS}
    return drawn(recipe.step, old, f"The reference architecture after recipe {recipe.number}", LEGEND)


def finished() -> str:
    """The picture of the whole course, as SVG, with nothing marked as new."""
    step = course.newest().step
    return drawn(step, parts(step), "The system at the end of the course", "")


def drawn(step: Path, old: dict[str, list[str]], title: str, legend: str) -> str:
    """The parts of a step as SVG, those marked that `old` does not have."""
    now = parts(step)
    state = {key: "later" if not names else "here" if old[key] else "new" for key, names in now.items()}
    shown = {key: [name if name in old[key] else f"{name} (new)" for name in names] for key, names in now.items()}
    live = {key for key, names in now.items() if names}
    body = [arrow(start, end, live={start, end} <= live) for start, end in ARROWS]
    if "api" not in live:
        body.append(f'<path class="arrow live" d="{PAST_THE_API}"/>')
    body += [draw(element, state[key], shown[key]) for key, element in ELEMENTS.items()]
    queues = [name for name in containers(step) if name in QUEUES]
    body += [f'<text class="small" x="{BESIDE_THE_QUEUE}" y="261">by a queue: {name}</text>' for name in queues]
    said = "; ".join(f"{ELEMENTS[key].name}: {', '.join(now[key])}" for key in ELEMENTS if now[key])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">
  <title>{title}</title>
  <desc>{escape(said)}.{" All other parts come later." if len(live) < len(ELEMENTS) else ""}</desc>
  <style>{STYLE}  </style>
  <defs>
    {arrow_head("later", "#a2acba")}
    {arrow_head("live", "#0b6b5d")}
  </defs>
  <rect class="frame" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>
  <text class="title" x="{WIDTH / 2:g}" y="34">{title}</text>
  {chr(10).join(body)}
  <text class="small" x="{WIDTH / 2:g}" y="{HEIGHT - 18}">{legend}</text>
</svg>
"""


def arrow_head(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
        f' markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
    )


def arrow(start: str, end: str, live: bool) -> str:
    left, top, width, height = ELEMENTS[start].box
    to_left, to_top, to_width, _ = ELEMENTS[end].box
    if top == to_top:
        path = f"M{left + width} {top + height // 2} L{to_left} {top + height // 2}"
    else:
        x, to_x = left + width // 2, to_left + to_width // 2
        shift = 40 if to_x > x else -40 if to_x < x else 0
        path = f"M{x + shift} {top + height} L{to_x - shift // 2} {to_top}"
    return f'<path class="arrow{" live" if live else ""}" d="{path}"/>'


def draw(element: Element, state: str, names: list[str]) -> str:
    left, top, width, height = element.box
    middle = left + width / 2
    lines = [f'<text x="{middle:g}" y="{top + (height // 2 + 5 if not names else 26)}">{element.name}</text>']
    if names:
        lines.append(f'<text class="small" x="{middle:g}" y="{top + 47}">{escape(", ".join(names))}</text>')
    return (
        f'<g class="{state}"><rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8"/>{"".join(lines)}</g>'
    )
