"""A span, whatever it came in: OTLP as protobuf, as JSON, or an object of the OpenTelemetry SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["ERROR", "Span", "SpanEvent"]

#: The status code of a span that failed.
ERROR = 2


class SpanEvent(NamedTuple):
    """Something that happened during a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any]


class Span(NamedTuple):
    """One span. Ids are hex in small letters, empty where there is none; times are nanoseconds since 1970, or 0."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    status_code: int
    status_message: str
    attributes: Mapping[str, Any]
    events: Sequence[SpanEvent]
    resource: Mapping[str, Any]
    """What the resource's attributes become (`span_calls.resource_fields`)."""
