"""Reads exports of OTLP in protobuf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError as ProtobufError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from callgauge.errors import DecodeError
from callgauge_gateway.dialects.span import Span, SpanEvent
from callgauge_gateway.dialects.span_calls import resource_fields
from callgauge_gateway.otlp.log_record import LogRecord

__all__ = ["log_records_of", "spans_of"]


def spans_of(body: bytes) -> list[Span]:
    """The spans of an ExportTraceServiceRequest.

    Raises:
        DecodeError: the bytes are none.
    """
    request = ExportTraceServiceRequest()
    _parse(request, body)
    spans: list[Span] = []
    for group in request.resource_spans:
        resource = resource_fields(_attributes(group.resource.attributes))
        for scope in group.scope_spans:
            spans.extend(_span(span, resource) for span in scope.spans)
    return spans


def log_records_of(body: bytes) -> list[LogRecord]:
    """The records of an ExportLogsServiceRequest.

    Raises:
        DecodeError: the bytes are none.
    """
    request = ExportLogsServiceRequest()
    _parse(request, body)
    return list(_log_records(request))


def _log_records(request: ExportLogsServiceRequest) -> Iterator[LogRecord]:
    for group in request.resource_logs:
        resource = resource_fields(_attributes(group.resource.attributes))
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield LogRecord(
                    record.event_name,
                    record.time_unix_nano or record.observed_time_unix_nano,
                    record.trace_id.hex(),
                    record.span_id.hex(),
                    _attributes(record.attributes),
                    resource,
                )


def _parse(request: Any, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except ProtobufError:
        raise DecodeError("", "not the protobuf message that OTLP sends here") from None


def _span(span: Any, resource: dict[str, Any]) -> Span:
    status = span.status
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code,
        status.message,
        _attributes(span.attributes),
        [SpanEvent(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events],
        resource,
    )


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    attributes = {}
    for pair in pairs:
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
