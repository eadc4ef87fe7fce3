"""A call: what `llm.calls` holds."""

# ruff: noqa: RUF012 (each message has its own copy of a default)

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from callgauge.wire.message import SCHEMA_VERSION, Count, Dollars, EpochSeconds, Label, Message, Milliseconds

__all__ = ["CacheLevel", "Call", "ErrorType", "Status"]

ErrorType = Literal[
    "rate_limit",
    "context_window_exceeded",
    "content_filter_blocked",
    "timeout",
    "invalid_response",
    "provider_down",
    "other",
]
Status = Literal["success", "error", "fallback", "cancelled"]
CacheLevel = Literal["exact", "semantic"]


class Call(Message):
    """One LLM call, or another span of the same trace (chain, retrieval, tool). Holds no prompt text.

    Event time, by which windows are cut, is the *end* of the call: `ts` + `latency_ms`.
    `input_tokens` includes cached tokens and `output_tokens` includes reasoning tokens (OpenTelemetry's rule).
    """

    event_id: Annotated[str, Field(min_length=1, max_length=64)]
    """The emitter's id of this call (a UUIDv7 by default). Never minted again when a send is repeated."""
    ts: EpochSeconds
    """Start of the call, epoch seconds."""
    service: Annotated[str, Field(min_length=1, max_length=256)]
    """The service that called."""
    model: Label = ""
    """The model asked for."""

    trace_id: Label = ""
    span_id: Label = ""
    parent_span_id: Label = ""
    operation: Label = "chat"
    """chat, text_completion, embeddings, retrieval, execute_tool, invoke_agent, chain, ..."""
    name: Label = ""
    latency_ms: Milliseconds | None = None
    """Start to end of the call; None: not known, its event time is then its start."""
    time_to_first_token_ms: Milliseconds | None = None

    environment: Label = ""
    feature: Label = ""
    endpoint: Label = ""
    user_id: Label = ""
    session_id: Label = ""
    tags: dict[str, str] = {}

    provider: Label = ""
    response_model: Label = ""
    """The model that answered."""
    prompt_hash: Label = ""
    prompt_version: Label = ""
    variant: Label = ""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    """Part of `input_tokens`."""
    cache_write_tokens: Count | None = None
    """Part of `input_tokens`."""
    reasoning_tokens: Count | None = None
    """Part of `output_tokens`."""
    cost_usd: Dollars | None = None
    price_source: Label = ""
    """Where `cost_usd` comes from: the provider's answer, a price table and its date, ..."""

    status: Status = "success"
    """fallback: answered, but by another model or provider than asked for. cancelled: the caller stopped (closed
    stream, cancelled task, client gone); neither an error nor in the latency percentiles."""
    error_type: ErrorType | None = None
    error_message: Annotated[str, Field(max_length=1024)] = ""
    http_status: Annotated[int, Field(ge=0, le=999)] | None = None
    finish_reason: Label = ""
    stream: bool = False
    cache_hit: bool = False
    """Answered from a response cache, without a call to the provider."""
    cache_level: CacheLevel | None = None
    """Which kind of cache answered: one that looks for the same request, or for one that means the same. None: not
    told."""
    fallback_from: Label = ""
    retry_count: Count = 0

    rate_limit_limit_requests: Count | None = None
    rate_limit_remaining_requests: Count | None = None
    rate_limit_limit_tokens: Count | None = None
    rate_limit_remaining_tokens: Count | None = None

    response_chars: Count | None = None
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION
