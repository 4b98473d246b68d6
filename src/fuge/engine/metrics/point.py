"""What a service has measured, as it comes: the value of a series at a moment."""

from typing import NamedTuple

Plain = str | int | float | bool


class Key(NamedTuple):
    """Which series it is of. `instance` tells the processes of a service apart; "" if it did not say."""

    service: str
    instance: str
    name: str
    attributes: tuple[tuple[str, Plain], ...]


class Point(NamedTuple):
    """`kind`: "gauge", "counter" (it only grows), "sum" or "histogram". `value` is the sum of a histogram.

    `times`, how many there were, and `buckets` are of a histogram, which has one bucket more than `bounds`, for what is
    above the last one.
    `started` is when it began to count, in nanoseconds since the epoch; with `delta` it is about the time since then.
    """

    key: Key
    kind: str
    unit: str
    value: float
    times: int = 0
    bounds: tuple[float, ...] = ()
    buckets: tuple[int, ...] = ()
    started: int = 0
    delta: bool = False
