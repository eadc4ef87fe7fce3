"""LiteLLM's StandardLoggingPayload, as its generic API logger sends it.

LiteLLM adds Anthropic's cached tokens to the prompt tokens, so they mean what ours mean. Of the response, which the
payload carries too, only the model that answered and its reason to end are looked at; of the messages nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from callgauge.errors import DecodeError
from callgauge.ids import uuid5_of
from callgauge_gateway.dialects.content import tags_of
from callgauge_gateway.dialects.event import Event
from callgauge_gateway.dialects.failure import codes_in, failure_fields
from callgauge_gateway.dialects.names import endpoint_named, provider_named
from callgauge_gateway.dialects.table import Row, flag, is_seconds
from callgauge_gateway.dialects.tokens import normalise_tokens

__all__ = ["LITELLM", "call_of_payload", "without_content"]

_USAGE = ("metadata.usage_object", "hidden_params.usage_object")
_HEADERS = "hidden_params.additional_headers"


def _in_usage(*names: str) -> tuple[str, ...]:
    return tuple(f"{usage}.{name}" for name in names for usage in _USAGE)


def _header(name: str) -> tuple[str, ...]:
    """LiteLLM writes the provider's headers with underscores, with dashes, or under a prefix of its own."""
    dashed = name.replace("_", "-")
    return tuple(f"{_HEADERS}.{each}" for each in (name, dashed, f"llm_provider-{dashed}"))


LITELLM = (
    Row(
        "_id",
        ("id", "litellm_call_id"),
        note="`event_id`; of a failure together with its start, since retries share it",
    ),
    Row("trace_id", ("trace_id",), note="joins retries and fallbacks of one request"),
    Row("ts", ("startTime",)),
    Row("_end", ("endTime",), note="`latency_ms`: its distance from the start; seconds there"),
    Row("_first", ("completionStartTime",), note="`time_to_first_token_ms`, of a stream, where it lies before the end"),
    Row("model", ("model_group", "model")),
    Row(
        "response_model",
        ("response.model", "hidden_params.litellm_model_name", "model"),
        note="without the provider before it",
    ),
    Row("finish_reason", ("response.choices.0.finish_reason",)),
    Row("_provider", ("custom_llm_provider",), note="`provider`, by OpenTelemetry's name"),
    Row("endpoint", ("api_base", "hidden_params.api_base"), endpoint_named),
    Row("_call_type", ("call_type",), note="`operation`"),
    Row("stream", ("stream",), flag),
    Row("input_tokens", ("prompt_tokens",), note="of a failure only where there are any"),
    Row("output_tokens", ("completion_tokens",), note="of a failure only where there are any"),
    Row("cache_read_tokens", _in_usage("prompt_tokens_details.cached_tokens", "cache_read_input_tokens")),
    Row(
        "cache_write_tokens",
        _in_usage(
            "prompt_tokens_details.cache_creation_tokens",
            "prompt_tokens_details.cache_write_tokens",
            "cache_creation_input_tokens",
        ),
    ),
    Row("reasoning_tokens", _in_usage("completion_tokens_details.reasoning_tokens")),
    Row(
        "cost_usd",
        ("response_cost", "hidden_params.response_cost"),
        note="with `price_source` litellm; not where `response_cost_failure_debug_info` says that 0 is no price",
    ),
    Row("cache_hit", ("cache_hit",), flag, "LiteLLM's own cache of responses"),
    Row("_status", ("status",), note="`status`: failure is an error"),
    Row("_error_class", ("error_information.error_class",), note="`error_type`, and the name in `error_message`"),
    Row("_error_code", ("error_information.error_code",), note="`http_status`"),
    Row(
        "_error_message",
        ("error_information.error_message",),
        note="only codes in it that are known: insufficient_quota",
    ),
    Row("_limit", ("error_information.error_rate_limit_type",), note="`error_type` other, where it is budget"),
    Row("_limited_by", ("error_information.error_rate_limit_category",), note="the tag `rate_limit_category`"),
    Row(
        "user_id",
        ("end_user", "metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id", "model_parameters.user"),
    ),
    Row("session_id", ("session_id",)),
    Row(
        "service",
        ("metadata.user_api_key_team_alias", "metadata.user_api_key_alias"),
        note="else the key's, else litellm",
    ),
    Row("rate_limit_limit_requests", _header("x_ratelimit_limit_requests")),
    Row("rate_limit_remaining_requests", _header("x_ratelimit_remaining_requests")),
    Row("rate_limit_limit_tokens", _header("x_ratelimit_limit_tokens")),
    Row("rate_limit_remaining_tokens", _header("x_ratelimit_remaining_tokens")),
    Row("_request_tags", ("request_tags",), note="the tag `tags`, separated by commas"),
    Row("_spend_logs_metadata", ("metadata.spend_logs_metadata",), note="its short values are tags; `feature` is one"),
    Row("_requester_metadata", ("metadata.requester_metadata",), note="its short values are tags; `feature` is one"),
    Row("_no_price", ("response_cost_failure_debug_info",), note="see `cost_usd`"),
)

_PATHS = tuple((row.field, row.read, tuple(tuple(name.split(".")) for name in row.names)) for row in LITELLM)
#: The beginning of a call type, without the a of async -> operation.
_OPERATIONS = (
    ("embedding", "embeddings"),
    ("text_completion", "text_completion"),
    ("atext_completion", "text_completion"),
    ("rerank", "retrieval"),
    ("search", "retrieval"),
    ("vector_store_search", "retrieval"),
    ("call_mcp_tool", "execute_tool"),
)
# What holds what people wrote, or models answered.
_CONTENT = ("messages", "response", "model_parameters", "error_str", "guardrail_information", "model_map_information")


def call_of_payload(given: Any, default_service: str) -> Event:
    """The call of one payload.

    Raises:
        DecodeError: it is none: null, or of the shape that `litellm.generic_api_use_v1` sends.
    """
    if given is None:
        raise DecodeError("", "null: LiteLLM had no payload for this call")
    if not isinstance(given, Mapping):
        raise DecodeError("", "a payload is a JSON object")
    if "startTime" not in given and ("kwargs" in given or "start_time" in given or "usage" in given):
        raise DecodeError("", "this is LiteLLM's old shape: set litellm.generic_api_use_v1 to False")
    fields = _fields_of(given)
    failed = fields.pop("_status", None) == "failure"
    tags = tags_of(_tags_in(fields))
    if (feature := tags.pop("feature", None)) is not None:
        fields["feature"] = feature
    fields["tags"] = tags
    fields["operation"] = _operation_of(fields.pop("_call_type", None))
    fields.setdefault("service", default_service)
    _set_id(fields, failed)
    _set_times(fields)
    _set_cost(fields, failed)
    _set_provider(fields)
    code = fields.pop("_error_code", None)
    name = fields.pop("_error_class", None)
    codes = ["budget"] if fields.pop("_limit", None) == "budget" else []
    codes += codes_in(fields.pop("_error_message", None))
    if failed:
        fields.update(failure_fields([name, code], None, codes))
        for count in ("input_tokens", "output_tokens"):
            if fields.get(count) == 0:
                del fields[count]
    normalise_tokens(fields)
    return Event("call", fields)


def without_content(given: Any) -> Any:
    """The payload without what people wrote or models answered, for its dead letter."""
    if not isinstance(given, Mapping):
        return given
    return {name: value for name, value in given.items() if name not in _CONTENT}


def _fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field, read, paths in _PATHS:
        for path in paths:
            value: Any = given
            for name in path:
                if isinstance(value, Mapping):
                    value = value.get(name)
                else:
                    value = value[0] if name == "0" and isinstance(value, list) and value else None
            if value is not None and (value := read(value)) is not None:
                fields[field] = value
                break
    return fields


def _tags_in(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if (limited_by := fields.pop("_limited_by", None)) is not None:
        yield "rate_limit_category", limited_by
    if isinstance(labels := fields.pop("_request_tags", None), list) and labels:
        yield "tags", ",".join(map(str, labels))
    for name in ("_spend_logs_metadata", "_requester_metadata"):
        if isinstance(found := fields.pop(name, None), Mapping):
            yield from ((str(key), value) for key, value in found.items())


def _operation_of(call_type: Any) -> str:
    text = call_type if isinstance(call_type, str) else ""
    for start, operation in _OPERATIONS:
        if text.startswith(start) or text.removeprefix("a").startswith(start):
            return operation
    return "chat"


def _set_id(fields: dict[str, Any], failed: bool) -> None:
    own = fields.pop("_id", None)
    if own is None:
        return
    fields["event_id"] = uuid5_of(str(own), str(fields.get("ts"))) if failed else own


def _set_times(fields: dict[str, Any]) -> None:
    start, end, first = fields.get("ts"), fields.pop("_end", None), fields.pop("_first", None)
    if not (is_seconds(start) and is_seconds(end)):
        return
    if end >= start:
        fields["latency_ms"] = (end - start) * 1e3
    if fields.get("stream") and is_seconds(first) and start <= first < end:
        fields["time_to_first_token_ms"] = (first - start) * 1e3


def _set_cost(fields: dict[str, Any], failed: bool) -> None:
    no_price = fields.pop("_no_price", None) is not None
    if fields.get("cache_hit"):
        fields["cost_usd"] = 0.0
    if "cost_usd" not in fields:
        return
    if no_price or (failed and fields["cost_usd"] in (0, "0", "0.0")):
        del fields["cost_usd"]
    else:
        fields["price_source"] = "litellm"


def _set_provider(fields: dict[str, Any]) -> None:
    """And write openai/gpt-4o as gpt-4o, since the provider is told beside it."""
    model, provider = fields.get("response_model"), fields.pop("_provider", None)
    if provider is not None:
        fields["provider"] = provider_named(provider)
    if isinstance(model, str) and isinstance(provider, str):
        fields["response_model"] = model.removeprefix(f"{provider}/")
