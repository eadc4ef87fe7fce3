"""Answers as OpenAI and Anthropic give them, for `tests.llm_stub`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.llm_stub import Answer

__all__ = [
    "CHAT",
    "CHAT_CHUNKS",
    "CHAT_USAGE_CHUNK",
    "EMBEDDINGS",
    "MESSAGE",
    "MESSAGE_EVENTS",
    "RATE_LIMITS",
    "RESPONSE",
    "RESPONSE_EVENTS",
    "anthropic_stream",
    "openai_stream",
    "responses_stream",
]

RATE_LIMITS = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "29000",
}
_CHAT_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 12},
}
CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": '{"city": "Bern"}'}, "finish_reason": "stop"}],
    "usage": _CHAT_USAGE,
}


def _chat_chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-2024-08-06"}
    return {**head, "choices": choices, **more}


CHAT_CHUNKS = [
    _chat_chunk({"role": "assistant", "content": ""}),
    _chat_chunk({"content": "Be"}),
    _chat_chunk({"content": "rn"}),
    _chat_chunk({}, "stop"),
]
CHAT_USAGE_CHUNK = _chat_chunk(None, usage=_CHAT_USAGE)

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_700_000_000,
    "status": "completed",
    "model": "gpt-5-2025-08-07",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": '{"city": "Bern"}', "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 90,
        "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 25},
        "total_tokens": 130,
    },
}
_BEGUN = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
_ITEM = {"type": "message", "id": "msg_1", "status": "in_progress", "role": "assistant", "content": []}
_PART = {"type": "output_text", "text": "", "annotations": []}
RESPONSE_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": _BEGUN, "sequence_number": 0},
    {"type": "response.output_item.added", "output_index": 0, "item": _ITEM, "sequence_number": 1},
    {"type": "response.content_part.added", **_PLACE, "part": _PART, "sequence_number": 2},
    {"type": "response.output_text.delta", **_PLACE, "delta": '{"city": ', "logprobs": [], "sequence_number": 3},
    {"type": "response.output_text.delta", **_PLACE, "delta": '"Bern"}', "logprobs": [], "sequence_number": 4},
    {"type": "response.completed", "response": RESPONSE, "sequence_number": 5},
]

EMBEDDINGS: dict[str, Any] = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": '{"city": "Bern"}'}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 5,
        "cache_read_input_tokens": 128_955,
        "cache_creation_input_tokens": 1_253,
        "output_tokens": 500,
        "output_tokens_details": {"thinking_tokens": 200},
    },
}
MESSAGE_EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            **MESSAGE,
            "content": [],
            "stop_reason": None,
            "usage": {**MESSAGE["usage"], "output_tokens": 1, "output_tokens_details": None},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Be"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "rn"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 500, "output_tokens_details": {"thinking_tokens": 200}},
    },
    {"type": "message_stop"},
]


def openai_stream(chunks: Sequence[Any], *, done: bool = True, **more: Any) -> Answer:
    """Chat completions as a stream."""
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return Answer(events=[*events, *(["data: [DONE]\n\n"] if done else [])], **more)


def anthropic_stream(events: Sequence[dict[str, Any]], **more: Any) -> Answer:
    """Messages as a stream: each event has its name."""
    return Answer(events=[f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n" for event in events], **more)


#: The responses API names its events as Anthropic does.
responses_stream = anthropic_stream
