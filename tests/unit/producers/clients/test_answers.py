"""What reads an answer takes whatever JSON a server gives, as plain JSON or as the library's objects."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.clients.answer import Answer
from callgauge.clients.anthropic_messages import MessagesAnswer
from callgauge.clients.failures import failure_of_call, failure_of_code
from callgauge.clients.openai_chat import ChatAnswer
from callgauge.clients.openai_embeddings import EmbeddingsAnswer
from callgauge.clients.openai_responses import ResponsesAnswer
from tests.llm_answers import CHAT_CHUNKS, CHAT_USAGE_CHUNK, MESSAGE_EVENTS, RESPONSE_EVENTS

KINDS: list[Callable[[], Answer]] = [ChatAnswer, ResponsesAnswer, EmbeddingsAnswer, MessagesAnswer]
NAMES = st.sampled_from(
    [
        *("model", "usage", "choices", "delta", "finish_reason", "type", "response", "message", "status", "error"),
        *("code", "stop_reason", "prompt_tokens", "input_tokens", "output_tokens", "prompt_tokens_details"),
    ]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
WORDS = st.sampled_from(["error", "response.completed", "response.failed", "message_start", "message_delta", "stop"])
anything = st.recursive(
    PLAIN | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def as_objects(value: Any) -> Any:
    """As a library's models would hold it; an empty object says nothing, and stays as it is."""
    if isinstance(value, dict) and value:
        return SimpleNamespace(**{name: as_objects(inner) for name, inner in value.items()})
    return [as_objects(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(anything, max_size=3))
def test_any_json_is_read(kind: Callable[[], Answer], values: list[Any]) -> None:
    """No reader raises; and objects say the same as the JSON they are made of."""
    plain, objects = kind(), kind()
    for value in values:
        plain.take(value)
        objects.take(as_objects(value))
        assert plain.take_chunk(value) == objects.take_chunk(as_objects(value))
    assert plain.ended == objects.ended
    assert plain.fields.keys() == objects.fields.keys()


@pytest.mark.parametrize(
    ("kind", "chunks", "first"),
    [
        (ChatAnswer, [*CHAT_CHUNKS, CHAT_USAGE_CHUNK], 1),
        (ResponsesAnswer, RESPONSE_EVENTS, 3),
        (MessagesAnswer, MESSAGE_EVENTS, 3),
    ],
)
def test_first_token(kind: Callable[[], Answer], chunks: list[Any], first: int) -> None:
    """The first chunk that brings something the model wrote is this one."""
    answer = kind()
    assert [answer.take_chunk(chunk) for chunk in chunks].index(True) == first
    assert answer.ended


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "a"},
        {"tool_calls": [{}]},
        {"refusal": "no"},
        {"reasoning_content": "hm"},
        {"audio": {"data": "a"}},
    ],
)
def test_what_counts_as_written(delta: dict[str, Any]) -> None:
    """Any of these, and no empty text."""
    assert ChatAnswer().take_chunk({"choices": [{"delta": delta}]})
    assert not ChatAnswer().take_chunk({"choices": [{"delta": dict.fromkeys(delta, "")}]})


def test_text_completion() -> None:
    """The older API has its text in the choice itself."""
    answer = ChatAnswer()
    assert not answer.take_chunk({"choices": [{"text": "", "finish_reason": None}]})
    assert answer.take_chunk({"choices": [{"text": "a", "finish_reason": None}]})
    answer.take_chunk({"choices": [{"text": "", "finish_reason": "length"}]})
    assert answer.fields == {"finish_reason": "length"}


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("server_error", {"status": "error", "error_type": "provider_down", "error_message": "server_error"}),
        (
            "rate_limit_exceeded",
            {"status": "error", "error_type": "rate_limit", "error_message": "rate_limit_exceeded"},
        ),
        ("request_cancelled", {"status": "cancelled", "error_message": "request_cancelled"}),
        ("odd", {"status": "error", "error_type": "other", "error_message": "odd"}),
        (None, {"status": "error", "error_type": "other", "error_message": ""}),
        ({"a": 1}, {"status": "error", "error_type": "other", "error_message": ""}),
    ],
)
def test_code_of_an_error(code: Any, fields: dict[str, Any]) -> None:
    """What an answer calls its error."""
    assert failure_of_code(code) == fields


def test_an_exception_after_a_good_answer_is_an_invalid_response() -> None:
    """Unless the exception has a kind of its own."""
    assert failure_of_call(ValueError("x"), 200)["error_type"] == "invalid_response"
    assert failure_of_call(ValueError("x"), None)["error_type"] == "other"
    assert failure_of_call(TimeoutError(), 200)["error_type"] == "timeout"
    assert failure_of_call(KeyboardInterrupt(), 200)["status"] == "cancelled"
