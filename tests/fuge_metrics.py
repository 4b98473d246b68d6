"""Metrics as OpenTelemetry sends them, made by its own messages, and services that send them by mu."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fuge_project import Project, free_ports
from helpers import wait_until
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

PATH = "/v1/metrics"
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA

# `stock` handles; `orders` asks it again and again, and somebody who is away, behind a breaker.
STOCK = """
import os
from mu import Mu, ServiceError, run, tcp

mu = Mu("stock")
mu.inbound({"role": "stock"}, tcp.server(port=int(os.environ["SERVICE_PORT"])))

@mu.define({"role": "stock", "cmd": "take"})
def take(message):
    if message["count"] > 2:
        raise ServiceError("too many", status=409)
    return 1

run(mu.serve())
"""
ORDERS = """
import asyncio, os
from mu import Mu, MuError, breaker, outbox, run, tcp

async def main():
    async with Mu("orders") as mu:
        mu.outbound({"role": "stock"}, tcp.client(port=int(os.environ["STOCK_SERVICE_PORT"])))
        mu.outbound({"role": "away"}, breaker(tcp.client(port=1), failures=1, reset=1000))
        mu.outbound({"role": "mail"}, outbox(tcp.client(port=1), grace=0))
        for number in range(3):
            mu.send({"role": "mail", "number": number})
        count = 0
        while True:
            count += 1
            for message in ({"role": "stock", "cmd": "take", "count": count % 4}, {"role": "away"}):
                try:
                    await mu.dispatch(message)
                except MuError:
                    pass
            await asyncio.sleep(0.05)

run(main())
"""


def attributes(**values: str) -> list[KeyValue]:
    return [KeyValue(key=key.replace("__", "."), value=AnyValue(string_value=each)) for key, each in values.items()]


def gauge(name: str, value: float, unit: str = "", **told: str) -> Metric:
    point = NumberDataPoint(as_double=value, attributes=attributes(**told))
    return Metric(name=name, unit=unit, gauge=Gauge(data_points=[point]))


def counter(name: str, value: int, started: int = 1, temporality: Any = CUMULATIVE, **told: str) -> Metric:
    point = NumberDataPoint(as_int=value, start_time_unix_nano=started, attributes=attributes(**told))
    return Metric(name=name, sum=Sum(data_points=[point], aggregation_temporality=temporality, is_monotonic=True))


def histogram(
    name: str,
    buckets: Sequence[int],
    bounds: Sequence[float],
    started: int = 1,
    temporality: Any = CUMULATIVE,
    unit: str = "s",
    **told: str,
) -> Metric:
    point = HistogramDataPoint(
        count=sum(buckets),
        sum=float(sum(buckets)),
        bucket_counts=buckets,
        explicit_bounds=bounds,
        start_time_unix_nano=started,
        attributes=attributes(**told),
    )
    return Metric(name=name, unit=unit, histogram=Histogram(data_points=[point], aggregation_temporality=temporality))


def request(metrics: Iterable[Metric], service: str = "web", instance: str = "") -> bytes:
    about = attributes(service__name=service, service__instance__id=instance)
    sent = ResourceMetrics(resource=Resource(attributes=about), scope_metrics=[ScopeMetrics(metrics=metrics)])
    return bytes(ExportMetricsServiceRequest(resource_metrics=[sent]).SerializeToString())


def shop(project: Project, *more: str) -> list[str]:
    """The lines of `stock` and `orders` for a fuge.yml; `more` are further ones of `stock`."""
    project.script("stock", STOCK)
    project.script("orders", ORDERS)
    python = "python main.py MARK"
    stock = project.process("stock", f"ports: [main={free_ports(1)[0]}]", *more, run=python)
    return [stock, project.process("orders", "depends_on: [stock]", run=python)]


def measured(project: Project, name: str, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """What fuge tells of a service or an instance, when it is as it should be."""
    found: dict[str, Any] = {}

    def told() -> bool:
        for each in project.call("metrics", name=name)["services"]:
            found.update(each)
        return bool(found) and bool(condition(found))

    assert wait_until(told), found
    return found


def has_failures(kind: str, pattern: str) -> Callable[[dict[str, Any]], bool]:
    """Whether some came, and it is told how often."""

    def told(found: dict[str, Any]) -> bool:
        row = route(found, kind, pattern)
        return bool(row["errors"] >= 2 and row["error_rate"])

    return told


def route(found: dict[str, Any], kind: str, pattern: str) -> dict[str, Any]:
    [row] = [each for each in found["routes"] if (each["kind"], each["pattern"]) == (kind, pattern)]
    return dict(row)
