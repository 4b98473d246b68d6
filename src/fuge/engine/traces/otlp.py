"""Requests and answers of OTLP, as protobuf and as JSON (opentelemetry-proto, trace service v1)."""

import base64
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from fuge.engine.traces.span import Span
from fuge.engine.traces.unpacking import Refused, unpacked

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE_ID, SPAN_ID = 16, 8  # bytes
LATEST = 2**63 - 1  # nanoseconds since the epoch, in the year 2262: what a database can hold
LONGEST_NAME = 1000  # characters of a span's name, its service's, and of what is said about an error
NO_SERVICE = "unknown_service"  # as the standard has it
KINDS = ("", "internal", "server", "client", "producer", "consumer")


def read(body: bytes, encoding: str, kind: str) -> tuple[list[Span], int]:
    """The spans of a request's body, and how many of it are none, since they lack an id. Raises Refused."""
    data = unpacked(body, encoding)
    if kind == JSON:
        request = from_json(data)
    else:
        try:
            request = ExportTraceServiceRequest.FromString(data)
        except DecodeError as error:
            raise Refused(400, f"expected an ExportTraceServiceRequest as protobuf: {error}") from None
    found = list(spans(request))
    whole = [span for span in found if span]
    return whole, len(found) - len(whole)


def from_json(data: bytes) -> ExportTraceServiceRequest:
    try:
        value = json.loads(data)
        if not isinstance(value, dict):
            raise TypeError("it is no object")
        for each in [*steps(value, "resourceSpans", "scopeSpans", "spans")]:
            with_base64_ids(each, "traceId", "spanId", "parentSpanId")
            for link in steps(each, "links"):
                with_base64_ids(link, "traceId", "spanId")
        return json_format.ParseDict(value, ExportTraceServiceRequest(), ignore_unknown_fields=True)  # type: ignore[no-any-return]
    except Exception as error:  # json_format raises many kinds for what is no such message, Python one for deep nesting
        reason = str(error)[:300] or type(error).__name__
        raise Refused(400, f"expected an ExportTraceServiceRequest as JSON: {reason}") from None


def steps(value: Any, *names: str) -> Iterator[Any]:
    """What is found by these names in turn, each of which leads to a list."""
    if not names:
        yield value
        return
    items = value.get(names[0]) if isinstance(value, dict) else None
    for item in items if isinstance(items, list) else ():
        yield from steps(item, *names[1:])


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


def service_of(attributes: Iterable[KeyValue]) -> str:
    names = (each.value.string_value for each in attributes if each.key == "service.name")
    return next(names, "")[:LONGEST_NAME] or NO_SERVICE


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


def mapping(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {each.key: plain(each.value) for each in attributes}


def plain(value: AnyValue) -> Any:
    """As JSON has it: bytes in hexadecimal, and numbers that are none as words."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value if math.isfinite(value.double_value) else str(value.double_value)
        case "array_value":
            return list(map(plain, value.array_value.values))
        case "kvlist_value":
            return mapping(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value.hex()
        case _:
            return None


def answer(kind: str, dropped: int = 0, reason: str = "") -> bytes:
    """That all spans of a request were taken, or all but so many."""
    response = ExportTraceServiceResponse()
    if dropped:
        response.partial_success.rejected_spans = dropped
        response.partial_success.error_message = reason
    if kind == JSON:
        return str(json_format.MessageToJson(response, indent=None)).encode()
    return bytes(response.SerializeToString())
