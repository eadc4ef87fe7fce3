"""What the real clients are asked and answer is captured where the content of calls is asked for, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from callgauge import Gauge, instrument, load_settings
from callgauge.schema import Content
from callgauge.testing import MemoryTransport
from tests.llm_answers import (
    CHAT,
    CHAT_CHUNKS,
    EMBEDDINGS,
    MESSAGE,
    MESSAGE_EVENTS,
    RESPONSE,
    RESPONSE_EVENTS,
    anthropic_stream,
    openai_stream,
    responses_stream,
)
from tests.llm_stub import Answer, Stub

ASKED: Any = [{"role": "user", "content": "write to anna@example.org"}]
ASKED_TEXT = '[{"role":"user","content":"write to [email]"}]'
BERN = '{"city": "Bern"}'
TOOL = {"id": "t1", "type": "function", "function": {"name": "find", "arguments": '{"of": "anna@example.org"}'}}


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
def gauge(transport: MemoryTransport) -> Iterator[Gauge]:
    with Gauge(load_settings(service="search", content="all"), transport=transport) as made:
        yield made


@pytest.fixture
def openai(stub: Stub, gauge: Gauge) -> OpenAI:
    return instrument(OpenAI(base_url=f"{stub.url}/v1", api_key="none", max_retries=0), gauge=gauge)


@pytest.fixture
def anthropic(stub: Stub, gauge: Gauge) -> Anthropic:
    return instrument(Anthropic(base_url=stub.url, api_key="none", max_retries=0), gauge=gauge)


def content_of(transport: MemoryTransport, gauge: Gauge) -> Content:
    assert gauge.flush(10) == 0
    (content,) = transport.contents
    assert content.event_id == transport.calls[0].event_id
    return content


def test_chat_completions(openai: OpenAI, stub: Stub, transport: MemoryTransport, gauge: Gauge) -> None:
    """Messages as JSON, and the answer's text."""
    stub.answers(Answer(json=CHAT))
    openai.chat.completions.create(model="gpt-4o", messages=ASKED)
    content = content_of(transport, gauge)
    assert (content.prompt, content.response, content.redactions) == (ASKED_TEXT, BERN, {"email": 1})


def test_a_stream(openai: OpenAI, stub: Stub, transport: MemoryTransport, gauge: Gauge) -> None:
    """Its pieces joined; messages that the host changes meanwhile are those that were sent."""
    stub.answers(openai_stream(CHAT_CHUNKS))
    asked = list(ASKED)
    stream = openai.chat.completions.create(model="gpt-4o", messages=asked, stream=True)
    asked.append({"role": "assistant", "content": "later"})
    list(stream)
    content = content_of(transport, gauge)
    assert (content.prompt, content.response) == (ASKED_TEXT, "Bern")


def test_tool_calls(openai: OpenAI, stub: Stub, transport: MemoryTransport, gauge: Gauge) -> None:
    """By name and arguments, beside the text."""
    message = {"role": "assistant", "content": None, "tool_calls": [TOOL]}
    stub.answers(Answer(json={**CHAT, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}))
    openai.chat.completions.create(model="gpt-4o", messages=ASKED)
    content = content_of(transport, gauge)
    assert content.response == r'{"content":"","tool_calls":[{"name":"find","arguments":"{\"of\": \"[email]\"}"}]}'


def test_streamed_tool_calls(openai: OpenAI, stub: Stub, transport: MemoryTransport, gauge: Gauge) -> None:
    """The pieces of their arguments are joined, each to its own."""
    first, second = {**TOOL, "index": 0}, {"index": 0, "function": {"arguments": " and more"}}
    deltas = [{"role": "assistant", "tool_calls": [first]}, {"tool_calls": [second]}]
    chunks = [{**CHAT_CHUNKS[0], "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    stub.answers(openai_stream([*chunks, CHAT_CHUNKS[-1]]))
    list(openai.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True))
    assert r"\"[email]\"} and more" in content_of(transport, gauge).response


@pytest.mark.parametrize("stream", [False, True])
def test_responses(openai: OpenAI, stub: Stub, transport: MemoryTransport, gauge: Gauge, stream: bool) -> None:
    """The input with its instructions, and the output's text."""
    stub.answers(responses_stream(RESPONSE_EVENTS) if stream else Answer(json=RESPONSE))
    answer = openai.responses.create(model="gpt-5", input="where?", instructions="be short", stream=stream)
    if stream:
        list(answer)
    content = content_of(transport, gauge)
    assert (content.prompt, content.response) == ('{"instructions":"be short","input":"where?"}', BERN)


@pytest.mark.parametrize("stream", [False, True])
def test_messages(anthropic: Anthropic, stub: Stub, transport: MemoryTransport, gauge: Gauge, stream: bool) -> None:
    """Of Anthropic's clients, whole and streamed."""
    stub.answers(anthropic_stream(MESSAGE_EVENTS) if stream else Answer(json=MESSAGE))
    answer = anthropic.messages.create(model="claude-sonnet-4-6", max_tokens=9, messages=ASKED, stream=stream)
    if stream:
        list(answer)
    content = content_of(transport, gauge)
    assert (content.prompt, content.response) == (ASKED_TEXT, "Bern" if stream else BERN)


def test_embeddings(openai: OpenAI, stub: Stub, transport: MemoryTransport, gauge: Gauge) -> None:
    """The input alone: there is no text in the answer."""
    stub.answers(Answer(json=EMBEDDINGS))
    openai.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    content = content_of(transport, gauge)
    assert (content.prompt, content.response) == ('["a","b"]', "")


def test_nothing_is_captured_while_content_is_off(stub: Stub, transport: MemoryTransport) -> None:
    """Neither kept in memory nor sent."""
    stub.answers(openai_stream(CHAT_CHUNKS))
    with Gauge(load_settings(service="search", content="off,other=all"), transport=transport) as gauge:
        client = instrument(OpenAI(base_url=f"{stub.url}/v1", api_key="none"), gauge=gauge)
        list(client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True))
    assert [message.kind for message in transport.messages if message.kind != "heartbeats"] == ["calls"]
    assert transport.calls[0].finish_reason == "stop"
