"""What a benchmark is to reach: `tell` prints a line for each goal, and page.py collects these lines."""

import re
from typing import NamedTuple

SAID = re.compile(
    r"^goal: (?P<what>.+): found (?P<found>\S+), (?P<bound>at (?:least|most) \S+): (?P<verdict>.+)$", re.MULTILINE
)


class Told(NamedTuple):
    what: str
    found: str
    bound: str
    verdict: str


def tell(what: str, found: float | None, *, at_least: float = 0.0, at_most: float = 0.0) -> None:
    """One of the two bounds. A figure that could not be measured, since a peer is not to be had, is no goal."""
    if found is None:
        return
    bound = at_least or at_most
    off = found / bound - 1
    met = off >= 0 if at_least else off <= 0
    verdict = "met" if met else f"missed by {abs(off):.0%}"
    print(f"goal: {what}: found {found:.3g}, at {'least' if at_least else 'most'} {bound:g}: {verdict}", flush=True)


def told(text: str) -> list[Told]:
    """All goals in what a benchmark has printed."""
    return [Told(**each.groupdict()) for each in SAID.finditer(text)]
