"""Bodies of OTLP requests about metrics: measurements that can be kept and told of, or a refusal in words."""

import contextlib
import json
from collections.abc import Iterator

from fuge_metrics import DELTA, counter, gauge, histogram, request
from fuzz.json_values import changing
from fuzz.otlp_bodies import seeds, taken
from fuzz.target import Check, Misbehaved, Target

from fuge.engine.metrics import otlp, report
from fuge.engine.metrics.board import MOST, Board
from fuge.faces import metrics

OFTEN = 20  # inputs from one of which all is told to the next
ABOUT = {"mu__at": "web", "rpc__method": "role: x", "mu__kind": "outbound", "mu__target": "tcp"}
METRICS = [
    gauge("mu.routes", 1, **ABOUT),
    gauge("mu.breaker.state", 2, **ABOUT),
    gauge("mu.messages.pending", 1, mu__at="web", mu__state="waiting"),
    counter("mu.messages.lost", 3, mu__at="web"),
    histogram("rpc.client.call.duration", [1, 2, 3], [0.1, 0.5], error__type="NoRoute", **ABOUT),
    histogram("http.server.duration", [1, 0], [5], temporality=DELTA, unit="ms"),
]
NAMED = {"key": "rpc.method", "value": {"stringValue": "x"}}
POINT = {
    "attributes": [NAMED],
    "startTimeUnixNano": "1",
    "timeUnixNano": 2,
    "asInt": "3",
    "exemplars": [{"spanId": "a"}],
}
TIMED = {**POINT, "count": "3", "sum": 1.5, "bucketCounts": ["1", 2], "explicitBounds": [0.5]}
AS_JSON = {
    "resourceMetrics": [
        {
            "resource": {"attributes": [NAMED]},
            "scopeMetrics": [
                {
                    "metrics": [
                        {"name": "mu.routes", "unit": "s", "gauge": {"dataPoints": [POINT]}},
                        {"name": "x", "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [POINT]}},
                        {"name": "x", "histogram": {"aggregationTemporality": 2, "dataPoints": [TIMED]}},
                    ]
                }
            ],
        }
    ]
}
SEEDS = seeds(request(METRICS), AS_JSON)
WORDS = (
    b"\0" * 8,
    b"\xff" * 8,
    b"\x0a",
    b"\x12",
    b'"bucketCounts"',
    b'"dataPoints"',
    b"1e999",
    b"NaN",
    b'"\\ud800"',
    b"[]",
)


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    board, count = Board(lambda _: None), 0

    def check(data: bytes) -> None:
        nonlocal count
        if (found := taken(otlp, data)) is None:
            return
        points, _ = found
        count += 1
        board.put(points, float(count))
        if count % OFTEN == 0:
            show(board, float(count))

    yield check


def show(board: Board, now: float) -> None:
    """As `fuge metrics` does."""
    series = board.series(now)
    if len(series) > MOST:
        raise Misbehaved(f"{len(series)} series are kept")
    services = report.report(series, now)
    json.dumps(services, allow_nan=False)
    for everything in (False, True):
        text = metrics.text(services, board.dropped, everything)
        if not set(text) <= {"\n"} | {letter for letter in text if ord(letter) >= 32}:
            raise Misbehaved(f"text that steers a terminal: {text!r}")


KEYS = (
    *TIMED,
    "resourceMetrics",
    "scopeMetrics",
    "metrics",
    "gauge",
    "sum",
    "histogram",
    "summary",
    "unit",
    "asDouble",
)
TARGETS = (Target("otlp-metrics", SEEDS, WORDS, opened, changing(KEYS)),)
