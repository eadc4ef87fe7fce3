"""From a span to the call that it is, whichever of the three conventions it speaks. Pure.

All tables apply to every span, since many carry names of two of them; the first that names a field counts:
OpenTelemetry's, then OpenLLMetry's, then OpenInference's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from callgauge.ids import uuid5_of
from callgauge_gateway.dialects.content import tags_of
from callgauge_gateway.dialects.event import Event
from callgauge_gateway.dialects.failure import codes_in, failure_fields, http_status_in
from callgauge_gateway.dialects.gen_ai import GEN_AI, RESOURCE
from callgauge_gateway.dialects.marks import mark_mended
from callgauge_gateway.dialects.openinference import FIRST_TOKEN_EVENT, OPENINFERENCE
from callgauge_gateway.dialects.openllmetry import ASSOCIATIONS, FIRST_CHUNK_EVENTS, OPENLLMETRY
from callgauge_gateway.dialects.operation import is_model_call, operation_of
from callgauge_gateway.dialects.span import ERROR, Span
from callgauge_gateway.dialects.span_times import ms_between, times_of
from callgauge_gateway.dialects.table import Lookup, read_attributes
from callgauge_gateway.dialects.tokens import normalise_tokens

__all__ = ["TOKENS", "call_of_span", "is_ours", "resource_fields"]

_SPANS = Lookup(GEN_AI, OPENLLMETRY, OPENINFERENCE)
_RESOURCES = Lookup(RESOURCE)
#: What a span that is no call of a model does not have: the span inside it, which is one, has it too.
TOKENS = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("cost_usd", "price_source"),
)
_PREFIXES = ("gen_ai.", "llm.", "openinference.", "traceloop.", "embedding.")
# What the SDKs of OpenTelemetry call a service that nobody named.
_UNNAMED = "unknown_service"
_PARAMETERS = msgspec.json.Decoder(type=dict[str, Any]).decode


def is_ours(span: Span) -> bool:
    """Whether a span tells of an LLM application: has an attribute of one of the conventions."""
    return any(name.startswith(_PREFIXES) for name in span.attributes)


def resource_fields(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What the attributes of a resource say of each of its spans: service, environment and tags."""
    found, _ = read_attributes(_RESOURCES, attributes)
    fields = {name: value for name, value in found.items() if not name.startswith("_")}
    if str(fields.get("service", "")).startswith(_UNNAMED):
        del fields["service"]
    fields["tags"] = tags_of((name[len("_tag.") :], value) for name, value in found.items() if name.startswith("_"))
    return fields


def call_of_span(span: Span) -> Event:
    """The call of a span that is ours."""
    fields, rest = read_attributes(_SPANS, span.attributes)
    tags = tags_of(_left_over(fields, rest))
    if span.resource["tags"]:
        tags = {**span.resource["tags"], **tags}
    _take_hints(fields, tags)
    fields["operation"] = operation = operation_of(fields)
    for name, value in span.resource.items():
        fields.setdefault(name, value)
    fields["tags"] = tags
    if not fields.get("name"):
        fields["name"] = span.name
    _set_ids_and_times(fields, span)
    if span.events:
        _read_first_token(fields, span)
    _read_failure(fields, span)
    if is_model_call(operation):
        normalise_tokens(fields)
    else:
        for name in TOKENS:
            fields.pop(name, None)
    return Event("call", fields)


def _left_over(fields: dict[str, Any], rest: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What becomes tags: the rest of the attributes, and hints that are worth one."""
    for name, value in rest.items():
        yield (name[len(ASSOCIATIONS) :] if name.startswith(ASSOCIATIONS) else name), value
    if (response_id := fields.pop("_response_id", None)) is not None:
        yield "gen_ai.response.id", response_id
    total = fields.pop("_total", None)
    if total is not None and "input_tokens" not in fields and "output_tokens" not in fields:
        yield "total_tokens", total
    if (labels := fields.pop("_tags", None)) is not None:
        yield "tags", ",".join(map(str, labels)) if isinstance(labels, (list, tuple)) else labels
    metadata = fields.pop("_metadata", None)
    if isinstance(metadata, str):
        with suppress(ValueError):
            metadata = json.loads(metadata)
    if isinstance(metadata, Mapping):
        yield from ((str(name), value) for name, value in metadata.items())


def _take_hints(fields: dict[str, Any], tags: dict[str, str]) -> None:
    """Make fields of the hints."""
    if (parameters := fields.pop("_parameters", None)) is not None:
        _read_parameters(fields, parameters)
    if (name := fields.pop("_model_name", None)) is not None:
        fields.setdefault("model", name)
        fields.setdefault("response_model", name)
    if (prompt := fields.pop("_prompt", None)) is not None:
        if "prompt_version" in fields:
            tags["gen_ai.prompt.name"] = str(prompt)[:256]
        else:
            fields["prompt_version"] = prompt
    port, path = fields.pop("_port", None), fields.pop("_path", None)
    if "endpoint" in fields and ":" not in str(fields["endpoint"]):
        port = f":{port}" if port not in (None, 80, 443) else ""
        fields["endpoint"] = f"{fields['endpoint']}{port}{path or ''}"
    if "cost_usd" in fields:
        fields["price_source"] = "emitter"


def _read_parameters(fields: dict[str, Any], parameters: Any) -> None:
    """What OpenInference says only in the parameters of the request."""
    if not isinstance(parameters, str):
        return
    with suppress(msgspec.MsgspecError, RecursionError):
        found = _PARAMETERS(parameters)
        for field, name in (("model", "model"), ("user_id", "user")):
            if isinstance(found.get(name), str):
                fields.setdefault(field, found[name])
        if found.get("stream") is True:
            fields["stream"] = True


def _set_ids_and_times(fields: dict[str, Any], span: Span) -> None:
    if span.span_id:
        fields["event_id"] = uuid5_of(span.trace_id, span.span_id)
    fields["trace_id"] = span.trace_id
    fields["span_id"] = span.span_id
    if span.parent_span_id:
        fields["parent_span_id"] = span.parent_span_id
    times, mended = times_of(span.start_ns, span.end_ns)
    fields.update(times)
    if mended:
        mark_mended(fields, mended)


def _read_first_token(fields: dict[str, Any], span: Span) -> None:
    """The time to the first token, where only an event tells it."""
    for event in span.events:
        if event.name == FIRST_TOKEN_EVENT or event.name in FIRST_CHUNK_EVENTS:
            fields["stream"] = True
            if (after_ms := ms_between(span.start_ns, event.time_ns)) is not None:
                fields.setdefault("time_to_first_token_ms", after_ms)
            return


def _read_failure(fields: dict[str, Any], span: Span) -> None:
    named = fields.pop("_error", None)
    if span.status_code != ERROR and named is None:
        return
    names: list[Any] = [named]
    messages: list[Any] = [span.status_message]
    for event in span.events:
        if event.name == "exception":
            names.append(event.attributes.get("exception.type"))
            messages.append(event.attributes.get("exception.message"))
    status = fields.get("http_status") or next(filter(None, map(http_status_in, reversed(messages))), None)
    codes = [code for message in messages for code in codes_in(message)]
    fields.update(failure_fields(names, status if isinstance(status, int) else None, codes))
