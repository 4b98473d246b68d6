"""Tables and texts for people, from the data that the engine gives."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from fuge.engine.states import DISABLED, FAILED, FINISHED, NOT_MANAGED, NOT_READY, RUNNING, STOPPED
from fuge.faces.session import colours
from fuge.plan.faults import shown_path

STATE_COLOURS = {
    RUNNING: "green",
    FINISHED: "green",
    STOPPED: "red",
    FAILED: "bold red",
    NOT_READY: "bold red",
    DISABLED: "bright_black",
    NOT_MANAGED: "bright_black",
}
ENGINE, FAULT = 2, 4  # where these columns are, if there are any
WIDE = 10_000  # columns: a pipe has no width, and nothing is to be cut


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> str:
    """Columns without borders; `styles` colours whole rows, in a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for number, row in enumerate(rows):
        drawn.add_row(*map(Text, row), style=styles[number] if styles else None)
    text = StringIO()
    in_colour = colours()
    Console(file=text, width=WIDE, force_terminal=in_colour, no_color=not in_colour, highlight=False).print(drawn)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def aligned(rows: Sequence[Sequence[str]], columns: Iterable[int]) -> list[list[str]]:
    """These columns hold numbers, which end below each other."""
    filled = [list(row) for row in rows]
    for column in columns:
        width = max((len(row[column]) for row in filled), default=0)
        for row in filled:
            row[column] = row[column].rjust(width)
    return filled


def yes(flag: bool) -> str:
    return "yes" if flag else "no"


def ps(rows: Sequence[Mapping[str, Any]], wide: bool = False) -> str:
    headings = ["name", "type", "group", "status", "watch", "tail"]
    headings += ["ports", "pid", "uptime", "restarts", "reason"] if wide else []
    cells = [[*ps_cells(row), *(wide_cells(row) if wide else [])] for row in rows]
    for place, name, text in ((FAULT, "fault", str), (ENGINE, "engine", engine)):
        if any(row[name] for row in rows):
            headings.insert(place, name)
            for cell, row in zip(cells, rows, strict=True):
                cell.insert(place, text(row[name]))
    return table(headings, cells, [STATE_COLOURS.get(row["status"], "yellow") for row in rows])


def engine(chosen: Mapping[str, str] | None) -> str:
    """In short: "docker: Docker 28.0.1", "wheel: MongoDB 6.0.5"."""
    return f"{chosen['kind']}: {chosen['title']}" if chosen else ""


def ps_cells(row: Mapping[str, Any]) -> list[str]:
    watch = yes(row["watch"]) if row["type"] == "process" else ""
    tail = yes(row["tail"]) if row["status"] != NOT_MANAGED else ""
    return [row["name"], row["type"], row["group"], row["status"], watch, tail]


def wide_cells(row: Mapping[str, Any]) -> list[str]:
    ports = " ".join(f"{name}={number}" for name, number in row["ports"].items())
    uptime = duration(row["uptime"]) if row["uptime"] is not None else ""
    reason = next(iter(row["reason"].splitlines()), "")
    return [ports, str(row["pid"] or ""), uptime, str(row["restarts"]), reason]


def counts(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = [[row["service"], str(row["instances"]), str(row["ready"])] for row in rows]
    return table(["service", "instances", "ready"], cells)


def duration(seconds: float) -> str:
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86400
    if minutes < 1:
        return f"{seconds:.0f}s"
    if hours < 1:
        return f"{minutes:.0f}m"
    return f"{hours:.0f}h" if days < 1 else f"{days:.0f}d"


def info(data: Mapping[str, Any], full: bool) -> str:
    lines = container(data) if data["type"] == "container" else process(data)
    if data["start"]:
        lines.append(f"start: {data['start']}")
    lines += ["environment:", *assignments(data["environment"])]
    if full:
        lines += ["inherited environment:", *assignments(data["inherited"])]
    return "\n".join(lines)


def process(data: Mapping[str, Any]) -> list[str]:
    return [
        f"command: {data['run']}",
        f"directory: {shown_path(Path(data['directory'])) if data['directory'] else 'not set'}",
        f"repository: {data['repository'] or 'not set'}",
        f"test: {data['test'] or 'not set'}",
    ]


def container(data: Mapping[str, Any]) -> list[str]:
    lines = [f"image: {data['run']}"]
    if data["status"] == NOT_MANAGED:
        return [*lines, f"engine: none; {data['reason']}"]
    chosen = data["engine"]
    if not chosen:
        return [*lines, "engine: chosen when it is started (`fuge doctor` tells which)"]
    return [*lines, f"engine: {chosen['how']}", *([f"since: {chosen['why']}"] if chosen["why"] else [])]


def assignments(environment: Mapping[str, str]) -> list[str]:
    return [f"  {name}={value}" for name, value in environment.items()]


def why(data: Mapping[str, Any], depth: int = 0) -> str:
    """The cause of a service's state, and below it, indented, that of what it depends on."""
    indent = "  " * depth
    state = f"{data['service']} is {data['status']}" + (f": {data['reason']}" if data["reason"] else "")
    lines = [indent + state]
    if data["fault"]:
        lines.append(f"{indent}  on the way to it there is a fault: {data['fault']} (`fuge fault clear` ends it)")
    if data["probe"] and data["probe"] not in data["reason"]:
        lines.append(f"{indent}  its readiness was looked at last with: {data['probe']}")
    if data["restarts"]:
        lines.append(f"{indent}  restarts: {data['restarts']}")
    if data["last_lines"] and (data["status"] != RUNNING or not depth):
        lines += [f"{indent}  it said last:", *(f"{indent}  | {line}" for line in data["last_lines"])]
    for other in data["depends_on"]:
        lines += [f"{indent}  it needs {other['service']} to be {other['condition']}:", why(other, depth + 2)]
    return "\n".join(lines)


def outcomes(results: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(map(outcome, results))


def outcome(result: Mapping[str, Any]) -> str:
    """One of `start` or `stop`: "webapp: running at http://127.0.0.1:3000"."""
    more = f" at {', '.join(result['addresses'])}" if result["status"] == RUNNING and result["addresses"] else ""
    if result["status"] == NOT_MANAGED:
        more = f" ({result['reason']})"
    return str(result.get("text") or f"{result['service']}: {result['status']}{more}")


def reloaded(done: Mapping[str, Sequence[str]]) -> str:
    said = [f"{verb}: {', '.join(done[verb])}" for verb in ("settings", "added", "changed", "removed") if done[verb]]
    if done["outdated"]:
        names = ", ".join(done["outdated"])
        said.append(f"still with the old addresses of others in its environment (restart it): {names}")
    return "\n".join(said) or "nothing has changed"


def zone(records: Sequence[Mapping[str, Any]]) -> str:
    rows = [[each["type"], each["domain"], each["address"], str(each["port"] or "-")] for each in records]
    return table(["type", "domain", "address", "port"], rows)


def event(data: Mapping[str, Any]) -> str:
    return f"{clock(data['time'])} {data['service']} {data['event']}: {data['text']}"


def clock(seconds: float) -> str:
    """Local time with milliseconds; the day too if it is another one."""
    moment = datetime.fromtimestamp(seconds)
    is_today = moment.date() == datetime.fromtimestamp(time.time()).date()
    return moment.strftime("%H:%M:%S.%f" if is_today else "%Y-%m-%d %H:%M:%S.%f")[:-3]
