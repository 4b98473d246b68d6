"""What is another at each run of a notebook, as patterns: made equal where outputs are stored or compared."""

import re
from collections.abc import Mapping
from typing import Any

from workbook import ports, trace_picture
from workbook.course import Chapter

SAMPLE = "0af7651916cd43dd8448eb211c80319c"  # the id of a trace, from the W3C's standard


def seen(chapter: Chapter, free: Mapping[str, int]) -> dict[str, str]:
    """What a reader gets to see as well, and what stands for it: the usual ports for the free ones of a run."""
    usual = {ports.pattern(port): str(chapter.ports[service]) for service, port in free.items()}
    return usual | {r"\[trace [0-9a-f]{32}\]": f"[trace {SAMPLE}]"}


def compared(chapter: Chapter, free: Mapping[str, int]) -> dict[str, str]:
    """What need not be the same: besides, how long things take in the picture of a trace."""
    return seen(chapter, free) | trace_picture.TIMES


def are_same_but_for_times(one: Any, other: Any) -> bool:
    return bool(replaced(one, trace_picture.TIMES) == replaced(other, trace_picture.TIMES))


def replaced(value: Any, rules: Mapping[str, str]) -> Any:
    """A value of lists, dictionaries and texts, with that done in all texts."""
    if isinstance(value, Mapping):
        return {key: replaced(each, rules) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, rules) for each in value]
    if isinstance(value, str):
        for pattern, text in rules.items():
            value = re.sub(pattern, text, value)
    return value
