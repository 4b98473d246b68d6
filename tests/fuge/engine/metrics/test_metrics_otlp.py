"""Bodies of requests: what is a measurement, in protobuf and JSON, and what is refused in words."""

import gzip
import json
import math

import pytest
from fuge_metrics import DELTA, counter, gauge, histogram, request
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from fuge.engine.metrics import otlp
from fuge.engine.metrics.point import Key, Point
from fuge.engine.traces.messages import JSON, PROTOBUF
from fuge.engine.traces.unpacking import Refused


def read(*metrics: Metric, service: str = "web", instance: str = "") -> list[Point]:
    found, faulty = otlp.read(request(metrics, service, instance), "", PROTOBUF)
    assert faulty == 0
    return found


def test_points_of_protobuf_by_service_instance_and_attributes() -> None:
    sent = [
        gauge("temperature", 1.5, "Cel", place="hall"),
        counter("requests", 7, started=5, method="GET"),
        histogram("duration", [1, 2, 3], [0.1, 0.5], started=5),
    ]
    key = Key("shop", "shop.2", "temperature", (("place", "hall"),))
    assert read(*sent, service="shop", instance="shop.2") == [
        Point(key, "gauge", "Cel", 1.5),
        Point(key._replace(name="requests", attributes=(("method", "GET"),)), "counter", "", 7, started=5),
        Point(key._replace(name="duration", attributes=()), "histogram", "s", 6.0, 6, (0.1, 0.5), (1, 2, 3), 5),
    ]


def test_kinds_without_buckets_that_stay_are_counted() -> None:
    exponential = ExponentialHistogram(data_points=[ExponentialHistogramDataPoint(count=3, sum=6.0, scale=1)])
    summary = Summary(data_points=[SummaryDataPoint(count=4, sum=8.0)])
    up_and_down = Sum(data_points=[NumberDataPoint(as_int=-2)], aggregation_temporality=DELTA)
    found = read(
        Metric(name="a", exponential_histogram=exponential),
        Metric(name="b", summary=summary),
        Metric(name="c", sum=up_and_down),
    )
    assert [(each.kind, each.value, each.times, each.buckets, each.delta) for each in found] == [
        ("histogram", 6.0, 3, (), False),
        ("histogram", 8.0, 4, (), False),
        ("sum", -2, 0, (), True),
    ]


def test_points_of_json_and_its_exemplars_with_hexadecimal_ids() -> None:
    point = {
        "attributes": [{"key": "code", "value": {"intValue": "200"}}],
        "startTimeUnixNano": "1544712660000000000",
        "timeUnixNano": 1544712661000000000,
        "count": "2",
        "sum": 2,
        "bucketCounts": [1, "1"],
        "explicitBounds": [1],
        "exemplars": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "asDouble": 1}],
    }
    metric = {"name": "duration", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [point]}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric, {"name": "empty"}]}], "new": {"of": "later"}}]}
    [[found], faulty] = otlp.read(json.dumps(body).encode(), "", JSON)
    assert faulty == 0
    assert found.key == Key("unknown_service", "", "duration", (("code", 200),))
    assert (found.times, found.value, found.bounds, found.buckets) == (2, 2.0, (1.0,), (1, 1))


def test_packed_body_is_unpacked() -> None:
    assert len(otlp.read(gzip.compress(request([gauge("a", 1)])), "gzip", PROTOBUF)[0]) == 1


FAULTY = {
    "no number": gauge("a", math.nan),
    "infinite": gauge("a", math.inf),
    "too few buckets": histogram("a", [1, 2], [0.1, 0.5]),
    "bounds that fall": histogram("a", [1, 2, 3], [0.5, 0.1]),
    "a bound twice": histogram("a", [1, 2, 3], [0.5, 0.5]),
    "an infinite bound": histogram("a", [1, 2, 3], [0.5, math.inf]),
    "too many buckets": histogram("a", [1] * 300, list(range(299))),
}


@pytest.mark.parametrize("metric", FAULTY.values(), ids=FAULTY)
def test_points_with_numbers_that_are_none_are_counted_and_left_out(metric: Metric) -> None:
    found, faulty = otlp.read(request([metric, gauge("good", 1)]), "", PROTOBUF)
    assert ([each.key.name for each in found], faulty) == (["good"], 1)


def test_point_that_says_it_has_no_value_is_none() -> None:
    nothing = NumberDataPoint(as_int=1, flags=DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
    assert read(Metric(name="a", gauge=Gauge(data_points=[nothing]))) == []


def test_what_has_no_end_is_cut() -> None:
    many = [KeyValue(key=f"{number:04}", value=AnyValue(string_value="x" * 9999)) for number in range(100)]
    listed = KeyValue(key="0", value=AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)] * 9999)))
    point = NumberDataPoint(as_int=1, attributes=[listed, *many])
    [found] = read(Metric(name="n" * 9999, unit="u" * 9999, gauge=Gauge(data_points=[point])), service="s" * 9999)
    assert len(found.key.attributes) == otlp.MOST_ATTRIBUTES
    texts = [found.key.service, found.key.name, found.unit, *(str(value) for _, value in found.key.attributes)]
    assert {len(each) for each in texts} == {otlp.LONGEST}
    assert found.key.attributes[0][1].startswith("[1, 1")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"\xff\xff", PROTOBUF, "expected an ExportMetricsServiceRequest as protobuf: "),
        (b"{", JSON, "expected an ExportMetricsServiceRequest as JSON: "),
        (b"[]", JSON, "expected an ExportMetricsServiceRequest as JSON: it is no object"),
        (b'{"resourceMetrics": 1}', JSON, "expected an ExportMetricsServiceRequest as JSON: "),
    ],
)
def test_what_is_no_request_is_refused_in_words(body: bytes, kind: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refusal:
        otlp.read(body, "", kind)
    assert refusal.value.status == 400


def test_answer_tells_how_many_were_dropped() -> None:
    assert (otlp.answer(PROTOBUF), otlp.answer(JSON)) == (b"", b"{}")
    said = ExportMetricsServiceResponse.FromString(otlp.answer(PROTOBUF, 3, "too many")).partial_success
    assert (said.rejected_data_points, said.error_message) == (3, "too many")
