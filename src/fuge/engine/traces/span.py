"""A span as it is kept: one piece of work of one service, within a trace."""

from typing import NamedTuple


class Span(NamedTuple):
    """`trace`, `id` and `parent` are hexadecimal; `parent` is "" for the root of its trace.

    `start` is in nanoseconds since the epoch, `duration` in nanoseconds. `details` are the attributes, events and
    links as the text of a JSON object, "" if there are none.
    """

    trace: str
    id: str
    parent: str
    service: str
    name: str
    kind: str
    start: int
    duration: int
    error: bool
    message: str
    details: str
