"""One series: its latest value, and those of a short while before, so that it can be told how fast it grows."""

from collections import deque
from typing import NamedTuple

from fuge.engine.metrics.point import Point

WINDOW = 10.0  # seconds over which it is told
KEPT = 12  # samples at most


class Sample(NamedTuple):
    """`when` is in seconds, of any clock."""

    when: float
    value: float
    times: int
    buckets: tuple[int, ...]


class Recent(NamedTuple):
    """What came within so many seconds."""

    seconds: float
    value: float
    times: int
    buckets: tuple[int, ...]


class Series:
    """`last` is the latest point; what counts since the last one only (delta) is added up. `began`: when it had 0."""

    def __init__(self, point: Point, now: float, began: float | None = None) -> None:
        self.last = point
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        if began is not None and point.kind != "gauge":
            self._samples.append(Sample(began, 0, 0, (0,) * len(point.buckets)))
        self._samples.append(sample(point, now))

    def add(self, point: Point, now: float) -> None:
        if point.delta and point.bounds == self.last.bounds and point.kind == self.last.kind:
            point = added(self.last, point)
        elif is_another_count(self.last, point):
            self._samples.clear()
        self.last = point
        self._samples.append(sample(point, now))

    @property
    def heard(self) -> float:
        """When it came last."""
        return self._samples[-1].when

    def recent(self, now: float) -> Recent | None:
        """What came within the last WINDOW seconds, or since the sample before; None if there is nothing to tell by."""
        last, before = self._samples[-1], list(self._samples)[:-1]
        if self.last.kind == "gauge" or not before or now - last.when > max(WINDOW, 2 * (last.when - before[-1].when)):
            return None
        base = next((each for each in before if each.when >= last.when - WINDOW), before[-1])
        seconds = last.when - base.when
        if seconds <= 0:
            return None
        buckets = tuple(one - other for one, other in zip(last.buckets, base.buckets, strict=True))
        return Recent(seconds, last.value - base.value, last.times - base.times, buckets)


def sample(point: Point, now: float) -> Sample:
    return Sample(now, point.value, point.times, point.buckets)


def added(total: Point, new: Point) -> Point:
    buckets = tuple(one + other for one, other in zip(total.buckets, new.buckets, strict=True))
    return new._replace(value=total.value + new.value, times=total.times + new.times, buckets=buckets)


def is_another_count(old: Point, new: Point) -> bool:
    """Whether it has begun anew, as in a process that was restarted."""
    began_anew = (old.kind, old.bounds, old.started, old.delta) != (new.kind, new.bounds, new.started, new.delta)
    if new.kind == "gauge" or began_anew:
        return began_anew
    fell = new.kind != "sum" and (new.value < old.value if new.kind == "counter" else new.times < old.times)
    return fell or any(one < other for one, other in zip(new.buckets, old.buckets, strict=True))
