"""What OpenTelemetry is told of each message: a span, how long it took, or both."""

from typing import TYPE_CHECKING, Any

from mu.patterns import Entry

if TYPE_CHECKING:
    from mu.metrics import Measures, Timing
    from mu.spans import Span, Spans


class Observed:
    """A message that is under way; whoever began it ends it."""

    __slots__ = ("_span", "_timing")

    def __init__(self, span: "Span | None", timing: "Timing | None") -> None:
        self._span, self._timing = span, timing

    @property
    def traceparent(self) -> str | None:
        """For the next process: that of its span."""
        return None if self._span is None else self._span.traceparent

    def fail(self, error: BaseException) -> None:
        """It ends with this error."""
        if self._span is not None:
            self._span.fail(error)
        if self._timing is not None:
            self._timing.fail(error)

    def end(self) -> None:
        """The time is told within the span, so that it can be an example of what takes long (an exemplar)."""
        if self._timing is not None:
            self._timing.end()
        if self._span is not None:
            self._span.end()


class Observer:
    """Begins them, for one Mu. Without `spans`, or without `measures`, the others are made alone."""

    def __init__(self, spans: "Spans | None", measures: "Measures | None") -> None:
        self._spans, self._measures = spans, measures

    def dispatched(self, entry: Entry[Any]) -> Observed:
        """It ends with the answer."""
        span = self._spans.dispatched(entry.pattern, entry.target) if self._spans else None
        return Observed(span, self._measures.called(entry) if self._measures else None)

    def sent(self, entry: Entry[Any]) -> Observed:
        """It ends when the message is off its sender's hands, which may be long before it is handled."""
        span = self._spans.sent(entry.pattern, entry.target) if self._spans else None
        return Observed(span, self._measures.called(entry, one_way=True) if self._measures else None)

    def received(self, entry: Entry[Any], traceparent: str | None) -> Observed:
        """Of a message from outside; the parent of its span is that of another process."""
        span = self._spans.received(entry.pattern, entry.target, traceparent) if self._spans else None
        return Observed(span, self._measures.received(entry) if self._measures else None)
