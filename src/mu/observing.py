"""Whether somebody watches, by OpenTelemetry: a standard that many tools understand."""

import atexit
import logging
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import EntryPoint

    from mu.observer import Observer
    from mu.patterns import Table
    from mu.routes import Route

log = logging.getLogger("mu")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
LAST_METRICS = 1000  # milliseconds, at the end of the program, for an endpoint that may be away


def observe() -> None:
    """Send traces and metrics to OTEL_EXPORTER_OTLP_ENDPOINT, such as http://127.0.0.1:4318; without it do nothing.

    Called once, before anything else is made; `run` does it. OpenTelemetry's other variables hold too, such as
    OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_METRIC_EXPORT_INTERVAL, and OTEL_TRACES_EXPORTER or
    OTEL_METRICS_EXPORTER, where `none` means none. Its instrumentation packages are used if they are installed and what
    they are about is imported already, for example opentelemetry-instrumentation-pymongo. What is logged about a
    message ends with the trace's id. Does nothing where OpenTelemetry is set up already, as by
    `opentelemetry-instrument`. Without the extra `otel` the log says so, since a program works without being watched.
    """
    is_off = not os.environ.get(ENDPOINT) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_off or has_traces() or has_metrics():
        return
    try:
        if is_wanted("OTEL_TRACES_EXPORTER"):
            send_traces()
        if is_wanted("OTEL_METRICS_EXPORTER"):
            send_metrics()
    except ModuleNotFoundError as error:
        advice = 'install the extra otel (pip install "microservices-workbook[otel]"), or unset it'
        log.warning("%s is set, but there is no %s, hence no traces or metrics: %s", ENDPOINT, error.name, advice)
        return
    instrument()


def is_wanted(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() != "none"


def send_traces() -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    logging.setLogRecordFactory(with_trace(logging.getLogRecordFactory()))


def send_metrics() -> None:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    atexit.register(provider.shutdown, LAST_METRICS)  # which it would do by itself, and wait for up to 30 s


def instrument() -> None:
    """Have what is installed for it make spans of what other packages do, as far as these are loaded by now."""
    from importlib.metadata import entry_points  # takes its time

    disabled = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").replace(" ", "").split(",")
    for package in entry_points(group="opentelemetry_instrumentor"):
        if package.name not in disabled and is_about_something_loaded(package):
            try:
                package.load()().instrument()
            except Exception as error:  # a program works without being watched
                log.warning("no traces of %s: %s: %s", package.name, type(error).__name__, error)


def is_about_something_loaded(package: "EntryPoint") -> bool:
    """What an instrumentation is about, its distribution requires for its extra `instruments`."""
    requires = (package.dist.requires if package.dist else None) or []
    names = [re.match(r"[\w.-]*", each) for each in requires if "instruments" in each.partition(";")[2]]
    return any(name and name[0].replace("-", "_") in sys.modules for name in names)


def with_trace(make: "Callable[..., logging.LogRecord]") -> "Callable[..., logging.LogRecord]":
    """A factory of log records that adds the trace in which something is logged, if there is one."""
    from opentelemetry import trace

    def record(*arguments: Any, **named: Any) -> logging.LogRecord:
        made = make(*arguments, **named)
        here = trace.get_current_span().get_span_context()
        if here.is_valid:
            made.msg = f"{made.msg} [trace {here.trace_id:032x}]"
        return made

    return record


def has_traces() -> bool:
    """Whether somebody has set them up, and so has imported what they take."""
    trace = sys.modules.get("opentelemetry.trace")
    return trace is not None and not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def has_metrics() -> bool:
    """The stand-ins for a real provider, of which OpenTelemetry keeps the names to itself, are where it is asked."""
    metrics = sys.modules.get("opentelemetry.metrics")
    return metrics is not None and not type(metrics.get_meter_provider()).__module__.startswith(metrics.__name__)


def observer_of(
    at: str,
    stats: "Callable[[], Mapping[str, float]]",
    routes: "Callable[[], Iterable[Route]]",
    table: "Table[Any]",
) -> "Observer | None":
    """For the Mu of that name, by what it says of itself; None where OpenTelemetry is not set up."""
    spans = measures = None
    if has_traces():
        from opentelemetry import trace

        from mu.spans import Spans

        spans = Spans(at, trace.get_tracer("mu"))
    if has_metrics():
        from opentelemetry import metrics

        from mu.metrics import Measures

        measures = Measures(at, stats, routes, table, metrics.get_meter("mu"))
    if spans is None and measures is None:
        return None
    from mu.observer import Observer

    return Observer(spans, measures)
