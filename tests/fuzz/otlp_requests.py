"""Bodies of OTLP requests: spans that can be kept and read again, or a refusal in words."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fuge_traces import request, span
from fuzz.json_values import changing
from fuzz.otlp_bodies import seeds, taken
from fuzz.target import Check, Misbehaved, Target
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fuge.engine.traces import database, otlp, reading
from fuge.engine.traces.store import Store
from fuge.faces import trace_tree

OFTEN = 20  # inputs from one that is stored and shown to the next
LIST = AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=-1), AnyValue(double_value=0.5)]))
SPANS = [
    span(1, 1, name="root", kind=Span.SPAN_KIND_SERVER, attributes=[KeyValue(key="list", value=LIST)]),
    span(1, 2, 1, error="bad", events=[Span.Event(name="e")], links=[Span.Link(trace_id=b"1" * 16, span_id=b"2" * 8)]),
]
IDS = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "parentSpanId": ""}
TIMES = {"startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000}
NAMED = {"key": "service.name", "value": {"stringValue": "x"}}
ONE = {**IDS, **TIMES, "name": "n", "kind": 2, "status": {"code": 2}, "attributes": [NAMED], "links": [IDS]}
AS_JSON = {"resourceSpans": [{"resource": {"attributes": [NAMED]}, "scopeSpans": [{"spans": [ONE, ONE]}]}]}
SEEDS = seeds(request(SPANS), AS_JSON)
WORDS = (
    b"\0" * 16,
    b"\xff" * 8,
    b"\x0a",
    b"\x12",
    b"\x2a",
    b'"traceId"',
    b'"spans"',
    b"1e999",
    b"NaN",
    b'"\\ud800"',
    b"{}",
    b"[]",
)


@contextlib.contextmanager
def opened() -> Iterator[Check]:
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        file = database.database_file(Path(folder))
        store, count = Store(file, said.append), 0

        def check(data: bytes) -> None:
            nonlocal count
            if (found := taken(otlp, data)) is None:
                return
            spans, faulty = found
            count += 1
            if spans and count % OFTEN == 0:
                store.add(spans, faulty)
                show(file, spans[0].trace)
            if said:
                raise Misbehaved(said[0])

        try:
            yield check
        finally:
            store.close()


def show(file: Path, trace: str) -> None:
    """As `fuge traces ID` does."""
    found, spans = reading.traces(file, start_of_id=trace), reading.spans(file, trace)
    json.dumps(spans, allow_nan=False)
    text = trace_tree.text(found[0], spans)
    if not set(text) <= {"\n"} | {letter for letter in text if ord(letter) >= 32}:
        raise Misbehaved(f"text that steers a terminal: {text!r}")


KEYS = (*ONE, "resourceSpans", "scopeSpans", "events", "arrayValue", "kvlistValue", "doubleValue", "bytesValue")
TARGETS = (Target("otlp", SEEDS, WORDS, opened, changing(KEYS)),)
