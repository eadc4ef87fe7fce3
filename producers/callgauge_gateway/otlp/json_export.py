"""Reads exports of OTLP in JSON: names in camelCase, ids in hex, 64-bit numbers as text."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

import msgspec

from callgauge.errors import DecodeError
from callgauge.lenient import object_of
from callgauge_gateway.dialects.span import ERROR, Span, SpanEvent
from callgauge_gateway.dialects.span_calls import resource_fields
from callgauge_gateway.otlp.export import ATTRIBUTES_MOST, Broken, Export
from callgauge_gateway.otlp.log_record import LogRecord
from callgauge_gateway.reading.too_many import check_count

__all__ = ["log_records_of", "spans_of"]

# As many as protobuf has room for.
_MOST_NS = 1 << 64
#: Lists and objects inside each other that are kept of an attribute.
_MOST_LEVELS = 16
_SPAN_BYTES, _TRACE_BYTES = 8, 16
_DECODE = msgspec.json.Decoder(type=dict[str, Any]).decode


def spans_of(body: bytes, most: int) -> Export[Span]:
    """The spans of an export, and what is no span among them.

    Raises:
        DecodeError: the bytes are no export.
        TooMany: it holds more than `most`.
    """
    items, broken = _items(_object(body), "resourceSpans", "scopeSpans", "spans", most)
    return Export([_span(item, resource) for item, resource in items], broken)


def log_records_of(body: bytes, most: int) -> Export[LogRecord]:
    """The log records of an export, and what is no record among them.

    Raises:
        DecodeError: the bytes are no export.
        TooMany: it holds more than `most`.
    """
    items, broken = _items(_object(body), "resourceLogs", "scopeLogs", "logRecords", most)
    return Export([_log_record(item, resource) for item, resource in items], broken)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        return _DECODE(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return object_of(body)[0]  # NaN, broken text: or it says what is wrong


def _items(
    export: Mapping[str, Any], groups: str, scopes: str, items: str, most: int
) -> tuple[list[tuple[Mapping[str, Any], dict[str, Any]]], list[Broken]]:
    """Each span or record with what its resource says of it, and what is none."""
    if export and groups not in export:
        raise DecodeError(groups, "missing: is this an export of OTLP, of the kind that this path takes?")
    found: list[tuple[Mapping[str, Any], dict[str, Any]]] = []
    broken: list[Broken] = []
    for group in _parts(export, groups, broken, most):
        resource = group.get("resource")
        fields = resource_fields(_attributes(resource.get("attributes") if isinstance(resource, Mapping) else None))
        for scope in _parts(group, scopes, broken, most):
            found.extend((item, fields) for item in _parts(scope, items, broken, most))
            check_count(len(found) + len(broken), most)
    return found, broken


def _parts(of: Mapping[str, Any], name: str, broken: list[Broken], most: int) -> list[Mapping[str, Any]]:
    """The objects of a list; what else stands there is broken."""
    value = of.get(name)
    values: list[Any] = value if isinstance(value, list) else [] if value is None else [value]
    check_count(len(values), most)
    if value is not values:
        broken.extend(_broken(each, name, "a list is expected") for each in values)
        return []
    broken.extend(_broken(each, name, "an object is expected") for each in values if not isinstance(each, Mapping))
    return [each for each in values if isinstance(each, Mapping)]


def _broken(value: Any, name: str, why: str) -> Broken:
    try:
        text = json.dumps(value, default=str, separators=(",", ":"))  # ASCII: half a surrogate has no bytes of its own
    except RecursionError:
        text = "nested too deep to be shown"
    return Broken(text.encode()[:256], DecodeError(name, why))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in islice(value, ATTRIBUTES_MOST) if isinstance(each, Mapping))


def _span(span: Mapping[str, Any], resource: dict[str, Any]) -> Span:
    status = span.get("status")
    status = status if isinstance(status, Mapping) else {}
    code = status.get("code")
    return Span(
        _id(span.get("traceId"), _TRACE_BYTES),
        _id(span.get("spanId"), _SPAN_BYTES),
        _id(span.get("parentSpanId"), _SPAN_BYTES),
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


def _log_record(record: Mapping[str, Any], resource: dict[str, Any]) -> LogRecord:
    return LogRecord(
        _text(record.get("eventName")),
        _whole(record.get("timeUnixNano")) or _whole(record.get("observedTimeUnixNano")),
        _id(record.get("traceId"), _TRACE_BYTES),
        _id(record.get("spanId"), _SPAN_BYTES),
        _attributes(record.get("attributes")),
        resource,
    )


def _id(value: Any, size: int) -> str:
    """An id of so many bytes in hex; one of zeros is none. Emitters that leave JSON to protobuf write base64."""
    text = _text(value)
    if len(text) == (size + 2) // 3 * 4:  # never as long as hex
        with suppress(ValueError):
            text = b64decode(text, validate=True).hex()
    return text.lower() if text.strip("0") else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return number if 0 <= (number := _integer(value)) < _MOST_NS else 0
    return 0


def _integer(value: float | str) -> int:
    try:
        return int(value)
    except ValueError:
        return int(float(value))  # 1.7e18 as text


def _attributes(pairs: Any, levels: int = _MOST_LEVELS) -> dict[str, Any]:
    return {
        pair["key"]: found
        for pair in _objects(pairs)
        if isinstance(pair.get("key"), str) and (found := _value(pair.get("value"), levels)) is not None
    }


def _value(value: Any, levels: int) -> Any:
    """What stands in an AnyValue; None for bytes, for what is none, and for what lies too deep."""
    if not isinstance(value, Mapping) or not levels:
        return None
    for kind, found in value.items():
        match kind:
            case "stringValue" | "boolValue":
                return found
            case "doubleValue":
                with suppress(ValueError):
                    return float(found) if isinstance(found, str) else found
            case "intValue":
                with suppress(ValueError, TypeError, OverflowError):
                    return int(found)
            case "arrayValue" if isinstance(found, Mapping):
                return [_value(each, levels - 1) for each in _objects(found.get("values"))]
            case "kvlistValue" if isinstance(found, Mapping):
                return _attributes(found.get("values"), levels - 1)
    return None
