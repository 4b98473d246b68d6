"""The spans that a test's Mus make, by the real SDK of OpenTelemetry, kept in memory."""

from collections.abc import Callable

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import Tracer

from mu.observer import Observer
from mu.spans import Spans

Seen = Callable[[], list[ReadableSpan]]
"""Those that have ended, by their start."""


def watch_spans(monkeypatch: pytest.MonkeyPatch, sampler: Sampler | None = None) -> Seen:
    """Of each Mu that is first used from now on."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    watch(monkeypatch, provider.get_tracer("test"))
    return lambda: sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)


def watch(monkeypatch: pytest.MonkeyPatch, tracer: Tracer) -> None:
    monkeypatch.setattr("mu.mu.observer_of", lambda at, *_: Observer(Spans(at, tracer), None))


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    if child.parent is None or child.context is None or parent.context is None:
        return False
    return (child.context.trace_id, child.parent.span_id) == (parent.context.trace_id, parent.context.span_id)
