"""Where a call belongs in a trace, and the header that carries this from service to service.

The header is `traceparent` as the W3C Recommendation "Trace Context" of 23 November 2021 has it
(https://www.w3.org/TR/trace-context-1/): version, trace-id, parent-id and flags, in small hex digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from callgauge.ids import new_span_id
from callgauge.inheriting import inherited

__all__ = ["SpanContext", "format_traceparent", "parse_traceparent", "placed"]

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}", re.ASCII)
_SAMPLED = 0x01


class SpanContext(NamedTuple):
    """What the calls inside a span need to know of it."""

    trace_id: str
    span_id: str
    sampled: bool = True
    """What the caller's other tracers decided; it is passed on. callgauge itself keeps every call."""


def parse_traceparent(header: object) -> SpanContext | None:
    """The caller's span; None where the header is not valid, and so must be ignored.

    A header of a later version is read as far as this one goes, as the Recommendation asks.

    >>> parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    SpanContext(trace_id='4bf92f3577b34da6a3ce929d0e0e4736', span_id='00f067aa0ba902b7', sampled=True)
    >>> parse_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01") is None
    True
    """
    match = _HEADER.fullmatch(header) if isinstance(header, str) else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return SpanContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def format_traceparent(context: SpanContext) -> str:
    """The header for requests that are made inside a span; "" if its trace has an id that no header may hold."""
    if not _TRACE_ID.fullmatch(context.trace_id):
        return ""
    return f"00-{context.trace_id}-{context.span_id}-{int(context.sampled):02x}"


def placed(
    fields: Mapping[str, Any], span: SpanContext | None, of_span: Mapping[str, Any] = MappingProxyType({})
) -> Mapping[str, Any]:
    """The fields of a call that is made inside `span`, with its ids and what it inherits of the span's own fields.
    Those of a call that names another trace stay."""
    if span is None:
        return fields
    trace_id = fields.get("trace_id")
    if trace_id is not None and not (isinstance(trace_id, str) and trace_id == span.trace_id):
        return fields
    more = {name: value for name, value in fields.items() if value is not None}
    ids = {"parent_span_id": span.span_id, "span_id": new_span_id()}
    return ids | inherited(more, of_span) | {"trace_id": span.trace_id}
