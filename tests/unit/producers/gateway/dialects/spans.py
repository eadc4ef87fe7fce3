"""Makes spans for the tests of dialects."""

from __future__ import annotations

from typing import Any

from callgauge_gateway.dialects.span import Span, SpanEvent
from callgauge_gateway.dialects.span_calls import call_of_span, resource_fields

START = 1_700_000_000_000_000_000
MS = 1_000_000


def span_of(attributes: dict[str, Any], **changes: Any) -> Span:
    """A span of 250 ms, of the service s."""
    resource = resource_fields({"service.name": "s"})
    span = Span("a" * 32, "b" * 16, "", "span", START, START + 250 * MS, 0, "", attributes, (), resource)
    return span._replace(**changes)


def call(attributes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The fields of the call of such a span."""
    return call_of_span(span_of(attributes, **changes)).fields


def event(name: str, after_ms: float = 0, **attributes: Any) -> SpanEvent:
    return SpanEvent(name, START + round(after_ms * MS), {key.replace("__", "."): v for key, v in attributes.items()})
