"""Bodies of requests: what is a span, in protobuf and JSON, and what is refused in words."""

import gzip
import json
import math

import pytest
from fuge_traces import BEGAN, identity, request, span
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fuge.engine.traces import messages, otlp, unpacking
from fuge.engine.traces.messages import JSON, PROTOBUF
from fuge.engine.traces.unpacking import Refused

TRACE, ID = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
EXAMPLE = {  # of opentelemetry-proto, shortened
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "my.library", "version": "1.0.0"},
                    "spans": [
                        {
                            "traceId": TRACE.upper(),
                            "spanId": ID,
                            "parentSpanId": "eee19b7ec3c1b173",
                            "name": "I'm a server span",
                            "startTimeUnixNano": "1544712660000000000",
                            "endTimeUnixNano": 1544712661000000000,
                            "kind": 2,
                            "attributes": [{"key": "my.span.attr", "value": {"intValue": "7"}}],
                            "links": [{"traceId": TRACE, "spanId": ID}],
                            "somethingNew": {"of": "a later version"},
                        }
                    ],
                }
            ],
        }
    ]
}


def value(**kind: object) -> AnyValue:
    return AnyValue(**kind)  # type: ignore[arg-type]


def test_spans_of_protobuf() -> None:
    sent = [span(7, 1, name="a", lasts=2), span(7, 2, 1, "b", error="bad", kind=Span.SPAN_KIND_CLIENT)]
    first, second = otlp.read(request(sent, "shop"), "", PROTOBUF)[0]
    assert first == (f"{7:032x}", f"{1:016x}", "", "shop", "a", "", BEGAN, 2_000_000, False, "", "")
    assert (second.parent, second.kind, second.error, second.message) == (f"{1:016x}", "client", True, "bad")


def test_spans_of_json_have_hexadecimal_ids() -> None:
    [[found], faulty] = otlp.read(json.dumps(EXAMPLE).encode(), "", JSON)
    assert faulty == 0
    assert (found.trace, found.id, found.parent) == (TRACE, ID, "eee19b7ec3c1b173")
    assert (found.service, found.name, found.kind) == ("my.service", "I'm a server span", "server")
    assert (found.start, found.duration) == (1544712660000000000, 1_000_000_000)
    assert json.loads(found.details) == {
        "attributes": {"my.span.attr": 7},
        "links": [{"trace": TRACE, "span": ID, "attributes": {}}],
    }


def test_attributes_of_all_kinds_become_json() -> None:
    kinds = {
        "text": value(string_value="x"),
        "flag": value(bool_value=True),
        "half": value(double_value=0.5),
        "none": value(double_value=math.nan),
        "list": value(array_value=ArrayValue(values=[value(int_value=1), value(bytes_value=b"\xff")])),
        "map": value(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=value(int_value=2))])),
        "nothing": AnyValue(),
    }
    attributes = [KeyValue(key=key, value=each) for key, each in kinds.items()]
    event = Span.Event(name="retried", time_unix_nano=2_000_000_000)
    [[found], _] = otlp.read(request([span(1, 1, attributes=attributes, events=[event])]), "", PROTOBUF)
    plain = {"text": "x", "flag": True, "half": 0.5, "none": "nan", "list": [1, "ff"], "map": {"k": 2}, "nothing": None}
    retried = {"name": "retried", "time": 2.0, "attributes": {}}
    assert json.loads(found.details) == {"attributes": plain, "events": [retried]}


def test_body_may_be_packed() -> None:
    body = gzip.compress(request([span(1, 1)]))
    assert len(otlp.read(body, "gzip", PROTOBUF)[0]) == 1


@pytest.mark.parametrize(
    "faulty",
    [
        Span(span_id=identity(1, 8)),
        Span(trace_id=identity(1, 16)),
        Span(trace_id=identity(0, 16), span_id=identity(1, 8)),
        Span(trace_id=identity(1, 15), span_id=identity(1, 8)),
        Span(trace_id=identity(1, 16), span_id=identity(1, 9)),
        Span(trace_id=identity(1, 16), span_id=identity(1, 8), start_time_unix_nano=2**63),
        Span(trace_id=identity(1, 16), span_id=identity(1, 8), end_time_unix_nano=2**64 - 1),
    ],
)
def test_span_that_cannot_be_kept_is_counted(faulty: Span) -> None:
    spans, count = otlp.read(request([faulty, span(1, 1)]), "", PROTOBUF)
    assert (len(spans), count) == (1, 1)


def test_odd_spans_are_kept() -> None:
    """An end before the start, a kind of tomorrow, a parent that is none, and a name without an end."""
    odd = span(1, 1, name="x" * 5000, lasts=-5)
    odd.kind, odd.parent_span_id = 77, b"\1"  # type: ignore[assignment]
    [[found], _] = otlp.read(request([odd], ""), "", PROTOBUF)
    assert (found.duration, found.kind, found.parent, found.service) == (0, "", "", "unknown_service")
    assert len(found.name) == messages.LONGEST_NAME


def nested(depth: int) -> bytes:
    """A request with an attribute that is a list in a list, and so on; by hand, as the library makes none so deep."""
    body = b""
    for tag in [*b"\x0a\x2a" * depth, *b"\x12\x4a\x12\x12\x0a"]:  # values in a list; attribute, span, ... , request
        length = len(body)
        size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
        body = bytes([tag]) + size + body
    return body


HOSTILE = {
    "no protobuf": (b"\xff\xff", PROTOBUF),
    "the start of a request": (request([span(1, 1)])[:-3], PROTOBUF),
    "text that is no UTF-8": (request([span(1, 1, name="AAAA")]).replace(b"AAAA", b"\xff\xfe\xff\xfe"), PROTOBUF),
    "no JSON": (b"{", JSON),
    "no UTF-8": (b'"\xff"', JSON),
    "a list": (b"[]", JSON),
    "a list of spans": (b'{"resourceSpans": {"a": 1}}', JSON),
    "numbers for spans": (b'{"resourceSpans": [{"scopeSpans": [{"spans": [1]}]}]}', JSON),
    "an id that is no hexadecimal": (json.dumps(EXAMPLE).replace(ID, "x").encode(), JSON),
    "an id that is a list": (json.dumps(EXAMPLE).replace(f'"{ID}"', "[]").encode(), JSON),
    "a time that is none": (json.dumps(EXAMPLE).replace('"1544712660000000000"', '"now"').encode(), JSON),
    "half of a surrogate": (json.dumps(EXAMPLE).replace("I'm", "\\ud800").encode(), JSON),
    "nested deeply": (b"[" * 100_000, JSON),
    "a number of many digits": (b'{"x": ' + b"9" * 10_000 + b"}", JSON),
}


@pytest.mark.parametrize(("body", "kind"), HOSTILE.values(), ids=HOSTILE)
def test_body_that_is_none_is_refused_with_a_reason(body: bytes, kind: str) -> None:
    with pytest.raises(Refused, match="expected an ExportTraceServiceRequest as ") as caught:
        otlp.read(body, "", kind)
    assert caught.value.status == 400
    assert len(str(caught.value)) < 500


def test_deep_attributes_are_read_or_refused() -> None:
    assert otlp.read(nested(10), "", PROTOBUF) == ([], 1)  # it has no id
    with pytest.raises(Refused):
        otlp.read(nested(90), "", PROTOBUF)


PACKINGS = {
    "not packed": (b"not packed", "gzip", 400),
    "the start of it": (gzip.compress(b"x" * 1000)[:-20], "gzip", 400),
    "nothing": (b"", "gzip", 400),
    "another kind": (b"x", "br", 415),
    "too large": (b"x" * (unpacking.LONGEST + 1), "", 413),
    "too large when unpacked": (gzip.compress(bytes(100 << 20), 1), "gzip", 413),
}


@pytest.mark.parametrize(("body", "encoding", "status"), PACKINGS.values(), ids=PACKINGS)
def test_packing_that_is_none_or_hides_too_much_is_refused(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(Refused) as caught:
        otlp.read(body, encoding, PROTOBUF)
    assert caught.value.status == status


def test_answer_tells_of_spans_that_were_dropped() -> None:
    assert (otlp.answer(PROTOBUF), otlp.answer(JSON)) == (b"", b"{}")
    said = ExportTraceServiceResponse.FromString(otlp.answer(PROTOBUF, 3, "too many")).partial_success
    assert (said.rejected_spans, said.error_message) == (3, "too many")
    as_json = json.loads(otlp.answer(JSON, 3, "too many"))
    assert as_json == {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too many"}}
