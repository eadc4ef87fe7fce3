"""Reads exports of OTLP in JSON: names in camelCase, ids in hex, 64-bit numbers as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from callgauge.errors import DecodeError
from callgauge.lenient import object_of
from callgauge_gateway.dialects.span import ERROR, Span, SpanEvent
from callgauge_gateway.dialects.span_calls import resource_fields
from callgauge_gateway.otlp.log_record import LogRecord
from callgauge_gateway.reading.nesting_depth import check_depth

__all__ = ["log_records_of", "spans_of"]

# As many as protobuf has room for.
_MOST_NS = 1 << 64
_DECODE = msgspec.json.Decoder(type=dict[str, Any]).decode


def spans_of(body: bytes) -> list[Span]:
    """The spans of an export. What is no span among them is left out.

    Raises:
        DecodeError: the bytes are no export.
    """
    return [_span(item, resource) for item, resource in _items(_object(body), "resourceSpans", "scopeSpans", "spans")]


def log_records_of(body: bytes) -> list[LogRecord]:
    """The log records of an export. What is no record among them is left out.

    Raises:
        DecodeError: the bytes are no export.
    """
    return [
        LogRecord(
            _text(item.get("eventName")),
            _whole(item.get("timeUnixNano")) or _whole(item.get("observedTimeUnixNano")),
            _id(item.get("traceId")),
            _id(item.get("spanId")),
            _attributes(item.get("attributes")),
            resource,
        )
        for item, resource in _items(_object(body), "resourceLogs", "scopeLogs", "logRecords")
    ]


def _object(body: bytes) -> Mapping[str, Any]:
    check_depth(body)
    try:
        return _DECODE(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return object_of(body)[0]  # NaN, broken text: or it says what is wrong


def _items(export: Mapping[str, Any], groups: str, scopes: str, items: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each span or record, and what its resource says of it."""
    if groups not in export:
        raise DecodeError(groups, "missing: is this an export of OTLP, of the kind that this path takes?")
    for group in _objects(export[groups]):
        resource = group.get("resource")
        fields = resource_fields(_attributes(resource.get("attributes") if isinstance(resource, Mapping) else None))
        for scope in _objects(group.get(scopes)):
            for item in _objects(scope.get(items)):
                yield item, fields


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, Mapping))


def _span(span: Mapping[str, Any], resource: dict[str, Any]) -> Span:
    status = span.get("status")
    status = status if isinstance(status, Mapping) else {}
    code = status.get("code")
    return Span(
        _id(span.get("traceId")),
        _id(span.get("spanId")),
        _id(span.get("parentSpanId")),
        _text(span.get("name")),
        _whole(span.get("startTimeUnixNano")),
        _whole(span.get("endTimeUnixNano")),
        ERROR if code in (ERROR, "STATUS_CODE_ERROR", str(ERROR)) else 0,
        _text(status.get("message")),
        _attributes(span.get("attributes")),
        [
            SpanEvent(_text(e.get("name")), _whole(e.get("timeUnixNano")), _attributes(e.get("attributes")))
            for e in _objects(span.get("events"))
        ],
        resource,
    )


def _id(value: Any) -> str:
    """An id in hex; one of zeros is none."""
    text = _text(value).lower()
    return text if text.strip("0") else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        with suppress(ValueError):
            return number if 0 <= (number := int(value)) < _MOST_NS else 0
    return 0


def _attributes(pairs: Any) -> dict[str, Any]:
    return {
        pair["key"]: found
        for pair in _objects(pairs)
        if isinstance(pair.get("key"), str) and (found := _value(pair.get("value"))) is not None
    }


def _value(value: Any) -> Any:
    """What stands in an AnyValue; None for bytes and for what is none."""
    if not isinstance(value, Mapping):
        return None
    for kind, found in value.items():
        match kind:
            case "stringValue" | "boolValue" | "doubleValue":
                return found
            case "intValue":
                with suppress(ValueError, TypeError, OverflowError):
                    return int(found)
            case "arrayValue":
                return [_value(each) for each in _objects(found.get("values"))] if isinstance(found, Mapping) else None
            case "kvlistValue":
                return _attributes(found.get("values")) if isinstance(found, Mapping) else None
    return None
