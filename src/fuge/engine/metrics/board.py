"""All series that services have sent, as far as there is room: the latest is there to be read."""

from collections import Counter, deque
from collections.abc import Callable, Iterable

from fuge.engine.metrics.point import Key, Point
from fuge.engine.metrics.series import KEPT, WINDOW, Series

MOST = 2_000  # series
MOST_OF_ONE = 500  # series of an instance of a service
GONE = 300.0  # seconds after which a series that nobody tells of any more is forgotten; exporters send every 60
Instance = tuple[str, str]  # of a service


class Board:
    """`dropped` counts the points that there was no room for; `complain` is told of the first one.

    Times are in seconds, of any clock that does not go back.
    """

    def __init__(self, complain: Callable[[str], object]) -> None:
        self.dropped = 0
        self._complain = complain
        self._series: dict[Key, Series] = {}
        self._counts: Counter[Instance] = Counter()
        self._heard: dict[Instance, deque[float]] = {}  # when each instance sent something
        self._swept = 0.0

    def put(self, points: Iterable[Point], now: float) -> int:
        """Keep them in place of those before. Returns how many there was no room for."""
        if now - self._swept >= WINDOW:
            self._forget(now)
        dropped, senders = 0, set[Instance]()
        for point in points:
            senders.add(instance := point.key[:2])
            if known := self._series.get(point.key):
                known.add(point, now)
            elif len(self._series) < MOST and self._counts[instance] < MOST_OF_ONE:
                self._series[point.key] = Series(point, now, self._earlier(instance, now))
                self._counts[instance] += 1
            else:
                self._drop(point.key)
                dropped += 1
        for instance in senders & self._counts.keys():
            self._heard.setdefault(instance, deque(maxlen=KEPT)).append(now)
        return dropped

    def series(self, now: float) -> list[Series]:
        """All that there are, in the order in which they came first."""
        self._forget(now)
        return list(self._series.values())

    def clear(self) -> None:
        self._series.clear()
        self._counts.clear()
        self._heard.clear()

    def _earlier(self, instance: Instance, now: float) -> float | None:
        """When a series of this instance that is new would have been told of already, had it counted anything."""
        return next((when for when in self._heard.get(instance, ()) if now - WINDOW <= when < now), None)

    def _drop(self, key: Key) -> None:
        self.dropped += 1
        if self.dropped == 1:
            room = f"there is room for {MOST:,} series, {MOST_OF_ONE} of them of one instance"
            self._complain(f"metrics are dropped, such as {key.name!r} of {key.service!r}: {room}")

    def _forget(self, now: float) -> None:
        self._swept = now
        for key in [key for key, series in self._series.items() if now - series.heard > GONE]:
            del self._series[key]
            self._counts[key[:2]] -= 1
        for instance in [each for each in self._heard if not self._counts[each]]:
            del self._heard[instance], self._counts[instance]
