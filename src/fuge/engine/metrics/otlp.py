"""Requests and answers of OTLP about metrics (opentelemetry-proto, metrics service v1)."""

import json
import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2

from fuge.engine.metrics.point import Key, Plain, Point
from fuge.engine.traces.messages import parsed, plain, service_of, steps, text_of, written

LONGEST = 200  # characters of a name, and of the value of an attribute
MOST_ATTRIBUTES = 16
MOST_BUCKETS = 64
KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")  # as JSON has them
NO_VALUE = metrics_pb2.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
DELTA = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA


def read(body: bytes, encoding: str, kind: str) -> tuple[list[Point], int]:
    """The points of a request's body, and how many of it cannot be kept. Raises Refused."""
    found = list(points(parsed(body, encoding, kind, ExportMetricsServiceRequest, without_exemplars)))
    whole = [point for point in found if point]
    return whole, len(found) - len(whole)


def without_exemplars(value: Any) -> None:
    """They are not kept, and their ids are written otherwise than protobuf's."""
    for metric in steps(value, "resourceMetrics", "scopeMetrics", "metrics"):
        for kind in KINDS if isinstance(metric, dict) else ():
            for point in steps(metric.get(kind), "dataPoints"):
                if isinstance(point, dict):
                    point.pop("exemplars", None)


def points(request: ExportMetricsServiceRequest) -> Iterator[Point | None]:
    """None for each that cannot be kept."""
    for resource_metrics in request.resource_metrics:
        about = resource_metrics.resource.attributes
        service, instance = service_of(about)[:LONGEST], text_of(about, "service.instance.id")[:LONGEST]
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                for sent in getattr(metric, kind).data_points if kind else ():
                    if not sent.flags & NO_VALUE:
                        key = Key(service, instance, metric.name[:LONGEST], attributes(sent.attributes))
                        yield point(key, metric, sent)


def point(key: Key, metric: metrics_pb2.Metric, sent: Any) -> Point | None:
    kind, unit, started = metric.WhichOneof("data"), metric.unit[:LONGEST], sent.start_time_unix_nano
    found: Point
    match kind:
        case "gauge":
            found = Point(key, "gauge", unit, number(sent))
        case "sum":
            delta = metric.sum.aggregation_temporality == DELTA
            word = "counter" if metric.sum.is_monotonic else "sum"
            found = Point(key, word, unit, number(sent), started=started, delta=delta)
        case "histogram":
            delta = metric.histogram.aggregation_temporality == DELTA
            bounds = tuple(sent.explicit_bounds)
            buckets = tuple(sent.bucket_counts) if bounds else ()
            found = Point(key, "histogram", unit, sent.sum, sent.count, bounds, buckets, started, delta)
        case "exponential_histogram":  # its buckets are others each time
            delta = metric.exponential_histogram.aggregation_temporality == DELTA
            found = Point(key, "histogram", unit, sent.sum, sent.count, started=started, delta=delta)
        case _:
            found = Point(key, "histogram", unit, sent.sum, sent.count, started=started)
    return found if math.isfinite(found.value) and has_buckets(found) else None


def number(sent: metrics_pb2.NumberDataPoint) -> float:
    return sent.as_int if sent.WhichOneof("value") == "as_int" else sent.as_double


def has_buckets(point: Point) -> bool:
    """Whether they are right; a point may have none."""
    bounds, count = point.bounds, len(point.buckets)
    if not bounds:
        return True
    is_rising = all(one < other for one, other in pairwise(bounds))
    return count == len(bounds) + 1 and count <= MOST_BUCKETS and is_rising and all(map(math.isfinite, bounds))


def attributes(sent: Iterable[KeyValue]) -> tuple[tuple[str, Plain], ...]:
    """The first ones, by name; what is no single value as the text of a JSON."""
    found = {each.key[:LONGEST]: value_of(plain(each.value)) for each in list(sent)[:MOST_ATTRIBUTES]}
    return tuple(sorted(found.items()))


def value_of(value: Any) -> Plain:
    if isinstance(value, int | float):
        return value
    return (value if isinstance(value, str) else json.dumps(value))[:LONGEST]


def answer(kind: str, dropped: int = 0, reason: str = "") -> bytes:
    """That all points of a request were taken, or all but so many."""
    response = ExportMetricsServiceResponse()
    if dropped:
        response.partial_success.rejected_data_points = dropped
        response.partial_success.error_message = reason
    return written(response, kind)
