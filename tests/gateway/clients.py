"""Drives clients of OpenAI that others instrument, against a stub of the provider, and keeps the spans they make.

One scenario for all: a chat, a stream, embeddings, a rate limit and a request that is too long, with what the stub
served beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import openai

from tests.llm_answers import CHAT, CHAT_CHUNKS, CHAT_USAGE_CHUNK, EMBEDDINGS
from tests.llm_stub import Answer, Stub

__all__ = ["PROMPT", "SCENARIO", "Step", "ask_all"]

#: What is asked, and must not be found in any call.
PROMPT = "What is the capital of Switzerland?"
_MESSAGES: Any = [{"role": "user", "content": PROMPT}]
_EVENTS = [f"data: {json.dumps(chunk)}\n\n" for chunk in (*CHAT_CHUNKS, CHAT_USAGE_CHUNK)] + ["data: [DONE]\n\n"]
_LIMITED = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
_TOO_LONG = {"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}


class Step(NamedTuple):
    """One request, what the stub answers, and what the call must say."""

    name: str
    answer: Answer
    ask: Callable[[openai.OpenAI], object]
    call: dict[str, Any]


def _stream(client: openai.OpenAI) -> None:
    for _ in client.chat.completions.create(
        model="gpt-4o", messages=_MESSAGES, stream=True, stream_options={"include_usage": True}
    ):
        pass


def _chat(client: openai.OpenAI) -> object:
    return client.chat.completions.create(model="gpt-4o", messages=_MESSAGES)


_CHAT_CALL = {
    "operation": "chat",
    "provider": "openai",
    "model": "gpt-4o",
    "response_model": "gpt-4o-2024-08-06",
    "input_tokens": 120,
    "output_tokens": 30,
    "status": "success",
}
_FAILED = {"operation": "chat", "provider": "openai", "model": "gpt-4o", "status": "error", "input_tokens": None}
SCENARIO = (
    Step("chat", Answer(json=CHAT), _chat, _CHAT_CALL | {"finish_reason": "stop"}),
    Step("stream", Answer(events=_EVENTS), _stream, _CHAT_CALL),
    Step(
        "embeddings",
        Answer(json=EMBEDDINGS),
        lambda client: client.embeddings.create(model="text-embedding-3-small", input=PROMPT),
        {
            "operation": "embeddings",
            "provider": "openai",
            "model": "text-embedding-3-small",
            "input_tokens": 8,
            "status": "success",
        },
    ),
    Step("rate_limit", Answer(status=429, json=_LIMITED), _chat, _FAILED | {"error_type": "rate_limit"}),
    Step("too_long", Answer(status=400, json=_TOO_LONG), _chat, _FAILED | {"http_status": 400}),
)


def ask_all(stub: Stub, on_step: Callable[[Step], None] = lambda step: None) -> None:
    """Send every request of the scenario; `on_step` is told after each."""
    client = openai.OpenAI(base_url=f"{stub.url}/v1", api_key="none", max_retries=0)
    for step in SCENARIO:
        stub.answers(step.answer)
        with suppress(openai.APIStatusError):
            step.ask(client)
        on_step(step)
