"""Numbers that a fuge.yml does not have and an engine wants: a place to begin, to be measured and corrected."""

from math import ceil
from typing import NamedTuple

from fuge.export.units import Unit

LONGEST = 31_536_000  # seconds: whoever waits longer than a year waits for ever
VOLUME = "1Gi"


class Hint(NamedTuple):
    """What is set aside, and the most that is given: shares of a processor, and megabytes."""

    processor: float
    memory: int
    most_memory: int


PROCESS, CONTAINER = Hint(0.05, 64, 256), Hint(0.1, 256, 1024)


def of(unit: Unit) -> Hint:
    return PROCESS if unit.is_built else CONTAINER


def seconds(time: float) -> int:
    """Whole ones, which all engines take."""
    return ceil(min(time, LONGEST))
