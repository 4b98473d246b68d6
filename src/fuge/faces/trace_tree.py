"""A trace as a tree of its spans, each with a bar that says when it was, and how long."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fuge.faces import tables
from fuge.faces.traces import milliseconds, shown

BAR = 30  # characters for the whole trace
DEEPEST = 20  # steps of indentation: what is deeper stays there
LOST = "(its parent is missing)"
Span = dict[str, Any]


class Node(NamedTuple):
    """A span in its place; `lost`: its parent is not there, so that it hangs below the root."""

    span: Span
    depth: int
    lost: bool = False


def text(trace: dict[str, Any], spans: Sequence[Span]) -> str:
    """One line about a trace, and the table of its spans."""
    services, errors = len(trace["services"]), trace["errors"]
    about = [
        f"trace {trace['id']}",
        tables.clock(trace["start"]),
        plural(len(spans), "span") + f" of {plural(services, 'service')}",
        f"{milliseconds(trace['duration'])} ms",
        *([plural(errors, "error")] if errors else []),
    ]
    nodes = list(tree(spans))
    rows = tables.aligned([row(node, trace["duration"]) for node in nodes], (2, 3))
    styles = ["red" if node.span["error"] else "" for node in nodes]
    return f"{', '.join(about)}\n" + tables.table(["service", "span", "at ms", "ms", "", ""], rows, styles)


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def row(node: Node, whole: float) -> list[str]:
    span = node.span
    name = "  " * min(node.depth, DEEPEST) + shown(span["name"])
    error = f"error: {shown(span['message'])}".removesuffix(": ") if span["error"] else ""
    times = [milliseconds(span["offset"]), milliseconds(span["duration"])]
    placed = f"{name} {LOST}" if node.lost else name
    return [shown(span["service"]), placed, *times, bar(span, whole), error]


def bar(span: Span, whole: float) -> str:
    scale = BAR / whole if whole else 0
    start = min(int(span["offset"] * scale), BAR - 1)
    length = min(max(1, round(span["duration"] * scale)), BAR - start)
    return f"{' ' * start}{'█' * length}".ljust(BAR)


def tree(spans: Sequence[Span]) -> Iterator[Node]:
    """Each span once, after its parent; those of one parent by their start.

    Spans come from outside: some are missing, and some may be the parents of each other. They hang below the root,
    or stand beside each other if that is missing too.
    """
    ids = {span["id"] for span in spans}
    children: dict[str, list[Span]] = {}
    for span in spans:
        children.setdefault(span["parent"], []).append(span)
    roots = children.pop("", [])
    seen: set[str] = set()

    def hanging(some: Sequence[Span]) -> list[Node]:
        return [node for each in some for node in below(Node(each, 1 if roots else 0, lost=True), children, seen)]

    first, *others = [list(below(Node(root, 0), children, seen)) for root in roots] or [[]]
    orphans = hanging([span for span in spans if span["parent"] and span["parent"] not in ids])
    circles = hanging(spans)  # all others have been met
    yield from [*first, *orphans, *circles]
    for each in others:
        yield from each


def below(top: Node, children: dict[str, list[Span]], seen: set[str]) -> Iterator[Node]:
    """A span and all below it that was not met yet; not by recursion, as somebody may send thousands of generations."""
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if node.span["id"] in seen:
            continue
        seen.add(node.span["id"])
        yield node
        waiting += [Node(each, node.depth + 1) for each in reversed(children.get(node.span["id"], []))]
