"""Reads exports of OTLP in protobuf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from google.protobuf.message import DecodeError as ProtobufError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from callgauge.errors import DecodeError
from callgauge.mending import MENDED
from callgauge_gateway.dialects.span import Span, SpanEvent
from callgauge_gateway.dialects.span_calls import resource_fields
from callgauge_gateway.otlp.export import ATTRIBUTES_MOST, Export
from callgauge_gateway.otlp.log_record import LogRecord
from callgauge_gateway.otlp.mended_protobuf import mended
from callgauge_gateway.reading.too_many import check_count

__all__ = ["log_records_of", "spans_of"]

_REPAIRED = "broken text was repaired"


def spans_of(body: bytes, most: int) -> Export[Span]:
    """The spans of an ExportTraceServiceRequest.

    Raises:
        DecodeError: the bytes are none.
        TooMany: it holds more than `most`.
    """
    request = ExportTraceServiceRequest()
    is_mended = _parse(request, body)
    groups = request.resource_spans
    _check_counts(groups, "scope_spans", "spans", most)
    spans: list[Span] = []
    for group in groups:
        resource = resource_fields(_attributes(group.resource.attributes))
        for scope in group.scope_spans:
            spans.extend(_span(span, resource) for span in scope.spans)
    return Export([_marked(span) for span in spans] if is_mended else spans, [])


def log_records_of(body: bytes, most: int) -> Export[LogRecord]:
    """The records of an ExportLogsServiceRequest.

    Raises:
        DecodeError: the bytes are none.
        TooMany: it holds more than `most`.
    """
    request = ExportLogsServiceRequest()
    _parse(request, body)
    groups = request.resource_logs
    _check_counts(groups, "scope_logs", "log_records", most)
    return Export(list(_log_records(request)), [])


def _log_records(request: ExportLogsServiceRequest) -> Iterator[LogRecord]:
    for group in request.resource_logs:
        resource = resource_fields(_attributes(group.resource.attributes))
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield LogRecord(
                    record.event_name,
                    record.time_unix_nano or record.observed_time_unix_nano,
                    _id(record.trace_id),
                    _id(record.span_id),
                    _attributes(record.attributes),
                    resource,
                )


def _parse(request: Any, body: bytes) -> bool:
    """Parse, and say whether the body had to be mended for it."""
    try:
        request.ParseFromString(body)
        return False
    except ProtobufError:
        body = mended(body, request.DESCRIPTOR)
    try:
        request.ParseFromString(body)
    except ProtobufError:
        raise DecodeError("", "not the protobuf message that OTLP sends here") from None
    return True


def _check_counts(groups: Sequence[Any], scopes: str, items: str, most: int) -> None:
    """Groups and scopes that hold nothing cost time too."""
    check_count(len(groups), most)
    check_count(sum(len(getattr(group, scopes)) for group in groups), most)
    check_count(sum(len(getattr(scope, items)) for group in groups for scope in getattr(group, scopes)), most)


def _span(span: Any, resource: dict[str, Any]) -> Span:
    status = span.status
    return Span(
        _id(span.trace_id),
        _id(span.span_id),
        _id(span.parent_span_id),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code,
        status.message,
        _attributes(span.attributes),
        [
            SpanEvent(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in islice(span.events, ATTRIBUTES_MOST)
        ],
        resource,
    )


def _marked(span: Span) -> Span:
    """With the tag that says so, if its text was repaired."""
    if "\ufffd" not in f"{span.name} {span.attributes} {span.resource}":
        return span
    return span._replace(attributes={**span.attributes, MENDED: f"message: {_REPAIRED}"})


def _id(value: bytes) -> str:
    """An id in hex; one of zeros is none."""
    return value.hex() if value.strip(b"\0") else ""


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    attributes = {}
    for pair in islice(pairs, ATTRIBUTES_MOST):
        value = pair.value
        kind = value.WhichOneof("value")
        if kind in _PLAIN:
            attributes[pair.key] = _PLAIN[kind](value)
    return attributes


# Bytes, and kinds of a later version, are left out.
_PLAIN: dict[str, Callable[[Any], Any]] = {
    "string_value": lambda value: value.string_value,
    "bool_value": lambda value: value.bool_value,
    "int_value": lambda value: value.int_value,
    "double_value": lambda value: value.double_value,
    "array_value": lambda value: [_any(each) for each in value.array_value.values],
    "kvlist_value": lambda value: _attributes(value.kvlist_value.values),
}


def _any(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return _PLAIN[kind](value) if kind in _PLAIN else None
