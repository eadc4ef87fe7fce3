"""Reads finished spans of the OpenTelemetry SDK, in the process that made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callgauge_gateway.dialects.span import Span, SpanEvent
from callgauge_gateway.dialects.span_calls import resource_fields

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["spans_of"]


def spans_of(spans: Sequence[ReadableSpan]) -> list[Span]:
    """The same as what OTLP would carry."""
    return [_span(span) for span in spans]


def _span(span: ReadableSpan) -> Span:
    context, parent = span.get_span_context(), span.parent
    return Span(
        f"{context.trace_id:032x}" if context and context.trace_id else "",
        f"{context.span_id:016x}" if context and context.span_id else "",
        f"{parent.span_id:016x}" if parent else "",
        span.name,
        span.start_time or 0,
        span.end_time or 0,
        span.status.status_code.value,
        span.status.description or "",
        span.attributes or {},
        [SpanEvent(event.name, event.timestamp, event.attributes or {}) for event in span.events],
        resource_fields(span.resource.attributes),
    )
