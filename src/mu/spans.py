"""What a Mu does, as spans of OpenTelemetry: one for each message that it dispatches, sends, passes on or handles."""

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mu.conventions import of_error, of_message
from mu.patterns import Pattern

W3C = TraceContextTextMapPropagator()


class Span:
    """One that has begun; whoever began it ends it. What the process sends in between belongs to it."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: trace.Span) -> None:
        self._span, self._token = span, context.attach(trace.set_span_in_context(span))

    @property
    def traceparent(self) -> str:
        """For the next process. https://www.w3.org/TR/trace-context/"""
        here = self._span.get_span_context()
        return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}"

    def fail(self, error: BaseException) -> None:
        """It ends with this error."""
        told = of_error(error)
        self._span.set_status(StatusCode.ERROR, told["error.type"])
        self._span.set_attributes(told)

    def end(self) -> None:
        context.detach(self._token)
        self._span.end()


class Spans:
    """Begins them, for the Mu that is named `at`.

    None in place of a span where OpenTelemetry is set up, but turned off.
    """

    def __init__(self, at: str, tracer: trace.Tracer) -> None:
        self._at, self._tracer = at, tracer

    def dispatched(self, pattern: Pattern, target: object) -> Span | None:
        """It ends with the answer."""
        return self._begin(pattern, target, SpanKind.CLIENT)

    def sent(self, pattern: Pattern, target: object) -> Span | None:
        """It ends when the message is off its sender's hands, which may be long before it is handled."""
        return self._begin(pattern, target, SpanKind.PRODUCER)

    def received(self, pattern: Pattern, target: object, traceparent: str | None) -> Span | None:
        """Of a message from outside; its parent is the span of another process."""
        parent = W3C.extract({"traceparent": traceparent} if traceparent else {}, context.Context())
        return self._begin(pattern, target, SpanKind.SERVER, parent)

    def _begin(
        self, pattern: Pattern, target: object, kind: SpanKind, parent: context.Context | None = None
    ) -> Span | None:
        told = {**of_message(self._at, pattern), "mu.target": str(target)}
        span = self._tracer.start_span(told["rpc.method"], parent, kind, told)
        outer = trace.get_current_span(parent)
        if span.get_span_context().span_id == outer.get_span_context().span_id:  # it is no new one, or none at all
            return None
        return Span(span)
