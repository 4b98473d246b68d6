"""Requests and answers of OTLP about traces (opentelemetry-proto, trace service v1)."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2

from fuge.engine.traces.messages import LONGEST_NAME, mapping, parsed, service_of, steps, written
from fuge.engine.traces.span import Span

TRACE_ID, SPAN_ID = 16, 8  # bytes
LATEST = 2**63 - 1  # nanoseconds since the epoch, in the year 2262: what a database can hold
KINDS = ("", "internal", "server", "client", "producer", "consumer")


def read(body: bytes, encoding: str, kind: str) -> tuple[list[Span], int]:
    """The spans of a request's body, and how many of it are none, since they lack an id. Raises Refused."""
    found = list(spans(parsed(body, encoding, kind, ExportTraceServiceRequest, with_ids_as_protobuf)))
    whole = [span for span in found if span]
    return whole, len(found) - len(whole)


def with_ids_as_protobuf(value: Any) -> None:
    for each in [*steps(value, "resourceSpans", "scopeSpans", "spans")]:
        with_base64_ids(each, "traceId", "spanId", "parentSpanId")
        for link in steps(each, "links"):
            with_base64_ids(link, "traceId", "spanId")


def with_base64_ids(value: Any, *names: str) -> None:
    """Ids are hexadecimal in OTLP's JSON, unlike all other bytes in protobuf's. Raises ValueError."""
    for name in names:
        if isinstance(value, dict) and isinstance(value.get(name), str):
            value[name] = base64.b64encode(bytes.fromhex(value[name])).decode()


def spans(request: ExportTraceServiceRequest) -> Iterator[Span | None]:
    """None for each that cannot be kept."""
    for resource_spans in request.resource_spans:
        service = service_of(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for each in scope_spans.spans:
                yield span(each, service)


def span(sent: trace_pb2.Span, service: str) -> Span | None:
    start, end = sent.start_time_unix_nano, sent.end_time_unix_nano
    if not (is_id(sent.trace_id, TRACE_ID) and is_id(sent.span_id, SPAN_ID) and max(start, end) <= LATEST):
        return None
    return Span(
        sent.trace_id.hex(),
        sent.span_id.hex(),
        sent.parent_span_id.hex() if is_id(sent.parent_span_id, SPAN_ID) else "",
        service,
        sent.name[:LONGEST_NAME],
        KINDS[sent.kind] if 0 <= sent.kind < len(KINDS) else "",
        start,
        max(0, end - start),
        sent.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        sent.status.message[:LONGEST_NAME],
        details(sent),
    )


def is_id(value: bytes, length: int) -> bool:
    return len(value) == length and any(value)


def details(sent: trace_pb2.Span) -> str:
    found: dict[str, Any] = {}
    if sent.attributes:
        found["attributes"] = mapping(sent.attributes)
    if sent.events:
        found["events"] = [
            {"name": each.name, "time": each.time_unix_nano / 1e9, "attributes": mapping(each.attributes)}
            for each in sent.events
        ]
    if sent.links:
        found["links"] = [
            {"trace": each.trace_id.hex(), "span": each.span_id.hex(), "attributes": mapping(each.attributes)}
            for each in sent.links
        ]
    return json.dumps(found, separators=(",", ":")) if found else ""


def answer(kind: str, dropped: int = 0, reason: str = "") -> bytes:
    """That all spans of a request were taken, or all but so many."""
    response = ExportTraceServiceResponse()
    if dropped:
        response.partial_success.rejected_spans = dropped
        response.partial_success.error_message = reason
    return written(response, kind)
