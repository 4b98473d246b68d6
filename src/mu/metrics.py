"""What a Mu does, as metrics of OpenTelemetry: how long messages take, what waits, how adapters are, its routes."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any
from weakref import WeakSet

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from mu.conventions import Attributes, of_error, of_message
from mu.patterns import Entry, Table, shown
from mu.routes import Route
from mu.transport import Client

BOUNDS = (  # seconds: those of OpenTelemetry's conventions, and shorter ones for what is nearby
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025),
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
PENDING = ("waiting", "handling", "sending")  # of `Mu.stats()`
OF_ADAPTERS = {  # by what `stats()` of an adapter calls it
    "breaker": ("mu.breaker.state", "0 closed, 1 half open, 2 open"),
    "outbox": ("mu.outbox.messages", "messages that are not delivered yet"),
    "shed": ("mu.shed.messages", "messages under way"),
    "endpoints": ("mu.dns.endpoints", "endpoints that DNS knows"),
}
Source = Callable[[CallbackOptions], Iterator[Observation]]


class Timing:
    """How long a message takes, from now on to its end."""

    __slots__ = ("_began", "_histogram", "_told")

    def __init__(self, histogram: Histogram, told: Attributes) -> None:
        self._histogram, self._told, self._began = histogram, told, time.perf_counter()

    def fail(self, error: BaseException) -> None:
        """It ends with this error."""
        self._told = {**self._told, **of_error(error)}

    def end(self) -> None:
        self._histogram.record(time.perf_counter() - self._began, self._told)


class Measures:
    """Of one Mu. `stats` and `routes` give what they say of it, `table` where its messages go.

    All but durations is read when OpenTelemetry asks, in a thread of its own: it costs a message nothing.
    """

    def __init__(
        self,
        at: str,
        stats: Callable[[], Mapping[str, float]],
        routes: Callable[[], Iterable[Route]],
        table: Table[Any],
        meter: Meter,
    ) -> None:
        self._at, self._stats, self._routes, self._table = at, stats, routes, table
        self._instruments = instruments(meter)
        self._told: dict[tuple[int, bool], Attributes] = {}
        self._instruments.add(self)

    def called(self, entry: Entry[Any], *, one_way: bool = False) -> Timing:
        """A message that leaves, or that a handler of this process gets by `dispatch`."""
        return Timing(self._instruments.calls, self._of(entry, one_way))

    def received(self, entry: Entry[Any]) -> Timing:
        """A message from outside."""
        return Timing(self._instruments.handled, self._of(entry, one_way=False))

    def _of(self, entry: Entry[Any], one_way: bool) -> Attributes:
        told = self._told.get((entry.number, one_way))
        if told is None:
            told = of_message(self._at, entry.pattern) | ({"mu.one_way": True} if one_way else {})
            self._told[entry.number, one_way] = told
        return told

    # When they are asked for --------------------------------------------------------------------------------------

    def pending(self) -> Iterator[Observation]:
        stats = self._stats()
        for state in PENDING:
            yield Observation(stats[state], {"mu.at": self._at, "mu.state": state})

    def lost(self) -> Iterator[Observation]:
        yield Observation(self._stats()["sends lost"], {"mu.at": self._at})

    def lag(self) -> Iterator[Observation]:
        yield Observation(self._stats()["loop lag"], {"mu.at": self._at})

    def routes(self) -> Iterator[Observation]:
        for route in self._routes():
            told = {"mu.at": self._at, "rpc.method": route.pattern, "mu.kind": route.kind, "mu.target": route.target}
            yield Observation(1, told)

    def of_adapters(self, name: str) -> Iterator[Observation]:
        """What the `stats` of adapters call so."""
        for entry in self._table:
            for part in parts(entry.target):
                if (value := part.stats().get(name)) is not None:
                    told = {"mu.at": self._at, "rpc.method": shown(entry.pattern), "mu.target": part.label}
                    yield Observation(value, told)


def parts(target: object) -> Iterator[Client]:
    """A client, and all that it is made of."""
    if isinstance(target, Client):
        yield target
        for part in target.parts:
            yield from parts(part)


class Instruments:
    """Those of a meter, for all Mus in the process: there is one of each name, whoever it is asked about."""

    def __init__(self, meter: Meter) -> None:
        self._all: WeakSet[Measures] = WeakSet()
        self._lock = threading.Lock()
        self.calls = histogram(meter, "rpc.client.call.duration", "from the dispatch of a message to its answer")
        self.handled = histogram(meter, "rpc.server.call.duration", "from the arrival of a message to its answer")
        pending, lost, lag, routes = map(self._of_all, (Measures.pending, Measures.lost, Measures.lag, Measures.routes))
        meter.create_observable_up_down_counter("mu.messages.pending", [pending], "{message}", "under way")
        meter.create_observable_counter("mu.messages.lost", [lost], "{message}", "sent without an answer, and lost")
        meter.create_observable_gauge("mu.loop.lag", [lag], "s", "by how much the event loop was late at most")
        meter.create_observable_gauge("mu.routes", [routes], "{route}", "1 for each pattern and where it leads")
        for key, (name, about) in OF_ADAPTERS.items():
            meter.create_observable_gauge(name, [self._of_all(partial(Measures.of_adapters, name=key))], "", about)

    def add(self, measures: Measures) -> None:
        """Ask it too, as long as its Mu is there."""
        with self._lock:
            self._all.add(measures)

    def _of_all(self, ask: Callable[[Measures], Iterator[Observation]]) -> Source:
        def source(_: CallbackOptions) -> Iterator[Observation]:
            with self._lock:
                known = list(self._all)
            for measures in known:
                yield from ask(measures)

        return source


def histogram(meter: Meter, name: str, about: str) -> Histogram:
    return meter.create_histogram(name, "s", about, explicit_bucket_boundaries_advisory=BOUNDS)


instruments = cache(Instruments)
