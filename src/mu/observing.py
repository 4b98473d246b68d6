"""Whether somebody watches, by OpenTelemetry: a standard that many tools understand."""

import logging
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from mu.spans import Spans

log = logging.getLogger("mu")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def observe() -> None:
    """Send traces to OTEL_EXPORTER_OTLP_ENDPOINT, such as http://127.0.0.1:4318; without it do nothing.

    Called once, before anything else is made; `run` does it. OpenTelemetry's other variables hold too, such as
    OTEL_SERVICE_NAME and OTEL_TRACES_SAMPLER. Its instrumentation packages are used if they are installed and what they
    are about is imported already, for example opentelemetry-instrumentation-pymongo. What is logged about a message
    ends with the trace's id. Does nothing where OpenTelemetry is set up already, as by `opentelemetry-instrument`.
    Without the extra `otel` the log says so, since a program works without being watched.
    """
    if not os.environ.get(ENDPOINT) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or is_set_up():
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        advice = 'install the extra otel (pip install "microservices-workbook[otel]"), or unset it'
        log.warning("%s is set, but there is no %s, hence no traces: %s", ENDPOINT, error.name, advice)
        return
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    logging.setLogRecordFactory(with_trace(logging.getLogRecordFactory()))
    instrument()


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


def is_set_up() -> bool:
    trace = sys.modules.get("opentelemetry.trace")  # whoever has set it up has imported it
    return trace is not None and not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def spans(at: str) -> "Spans | None":
    """For the Mu of that name; None where OpenTelemetry is not set up."""
    if not is_set_up():
        return None
    from opentelemetry import trace

    from mu.spans import Spans

    return Spans(at, trace.get_tracer("mu"))
