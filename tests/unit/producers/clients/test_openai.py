"""Calls of the real OpenAI clients are measured as they are, sync and async."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pydantic
import pytest

from callgauge import Call
from callgauge.clients.prompt_hash import prompt_hash
from callgauge.refs import read_ref
from tests.llm_answers import (
    CHAT,
    CHAT_CHUNKS,
    CHAT_USAGE_CHUNK,
    EMBEDDINGS,
    RATE_LIMITS,
    RESPONSE,
    RESPONSE_EVENTS,
    openai_stream,
    responses_stream,
)
from tests.llm_stub import Answer, Stub
from tests.unit.producers.clients.conftest import Measured, all_of, each, got, opened, outcome, run

ASK: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "The capital of Switzerland?"}]}
CHAT_TOKENS = {
    "input_tokens": 120,
    "output_tokens": 30,
    "cache_read_tokens": 100,
    "cache_write_tokens": 5,
    "reasoning_tokens": 12,
}
RESPONSE_TOKENS = {
    "input_tokens": 90,
    "output_tokens": 40,
    "cache_read_tokens": 64,
    "cache_write_tokens": 0,
    "reasoning_tokens": 25,
}


class City(pydantic.BaseModel):
    city: str


def fields(call: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(call, name) for name in names}


def test_chat_completion(openai: Any, stub: Stub, measured: Measured) -> None:
    """Labels, model, provider, endpoint, tokens, finish reason, limits, prompt hash; and nothing of the prompt."""
    stub.answers(Answer(json=CHAT, headers=RATE_LIMITS))

    async def test() -> None:
        assert (await got(openai.chat.completions.create(**ASK))).choices[0].message.content == '{"city": "Bern"}'

    run(test)
    call = measured.call
    assert call.latency_ms is not None
    assert call == Call(
        event_id=call.event_id,
        ts=call.ts,
        latency_ms=call.latency_ms,
        service="search",
        feature="answers",
        model="gpt-4o",
        response_model="gpt-4o-2024-08-06",
        provider="openai",
        endpoint=f"{stub.url.removeprefix('http://')}/v1/chat/completions",
        prompt_hash=prompt_hash(ASK),
        finish_reason="stop",
        http_status=200,
        rate_limit_limit_requests=500,
        rate_limit_remaining_requests=499,
        rate_limit_limit_tokens=30_000,
        rate_limit_remaining_tokens=29_000,
        input_tokens=120,
        output_tokens=30,
        cache_read_tokens=100,
        cache_write_tokens=5,
        reasoning_tokens=12,
        cost_usd=0.000475,
        price_source=f"genai-prices 0.2.3, {datetime.fromtimestamp(call.ts, UTC).date()}",
    )
    assert "Switzerland" not in call.model_dump_json()


def test_streamed_chat_completion(openai: Any, stub: Stub, measured: Measured) -> None:
    """TTFT is the first content's, not the role's; without usage in the stream no tokens are claimed."""
    stub.answers(openai_stream(CHAT_CHUNKS))
    run(lambda: all_of(openai.chat.completions.create(**ASK, stream=True)))
    call = measured.call
    assert fields(call, "stream", "status", "finish_reason", "response_model", "input_tokens", "output_tokens") == {
        "stream": True,
        "status": "success",
        "finish_reason": "stop",
        "response_model": "gpt-4o-2024-08-06",
        "input_tokens": None,
        "output_tokens": None,
    }
    assert call.time_to_first_token_ms is not None
    assert call.latency_ms is not None
    assert 0 < call.time_to_first_token_ms <= call.latency_ms
    assert "stream_options" not in stub.seen[0].body


def test_first_token_is_that_of_the_first_content(openai: Any, stub: Stub, measured: Measured) -> None:
    """A stream of which nothing but the role has come has no TTFT yet."""
    stub.answers(openai_stream(CHAT_CHUNKS, waits_after=1))

    async def test() -> None:
        stream = await got(openai.chat.completions.create(**ASK, stream=True))
        async for _ in each(stream):
            break
        await got(stream.close())

    run(test)
    assert fields(measured.call, "time_to_first_token_ms", "finish_reason", "status") == {
        "time_to_first_token_ms": None,
        "finish_reason": "abandoned",
        "status": "cancelled",
    }


def test_usage_of_a_stream_that_the_host_asked_for(openai: Any, stub: Stub, measured: Measured) -> None:
    """Its last chunk is read, and handed on."""
    stub.answers(openai_stream([*CHAT_CHUNKS, CHAT_USAGE_CHUNK]))
    options = {"include_usage": True}
    chunks = run(lambda: all_of(openai.chat.completions.create(**ASK, stream=True, stream_options=options)))
    assert len(chunks) == 5
    assert fields(measured.call, *CHAT_TOKENS) == CHAT_TOKENS


def test_streamed_tool_call(openai: Any, stub: Stub, measured: Measured) -> None:
    """A call of a tool is content too."""
    called = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    choice = {"index": 0, "delta": {"role": "assistant", "tool_calls": [called]}, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    stub.answers(openai_stream([{**CHAT_CHUNKS[0], "choices": [one]} for one in (choice, last)]))
    run(lambda: all_of(openai.chat.completions.create(**ASK, stream=True)))
    assert measured.call.finish_reason == "tool_calls"
    assert measured.call.time_to_first_token_ms is not None


def test_stream_helper(openai: Any, stub: Stub, measured: Measured) -> None:
    """`chat.completions.stream` is one call, complete or left early."""
    stub.answers(openai_stream(CHAT_CHUNKS))

    async def test() -> None:
        async with opened(openai.chat.completions.stream(**ASK)) as stream:
            kinds = [event.type async for event in each(stream)]
            assert kinds.count("content.delta") == 3
        async with opened(openai.chat.completions.stream(**ASK)) as stream:
            async for _ in each(stream):
                break

    run(test)
    assert [(call.status, call.finish_reason) for call in measured.calls] == [
        ("success", "stop"),
        ("cancelled", "abandoned"),
    ]


def test_parsed_chat_completion(openai: Any, stub: Stub, measured: Measured) -> None:
    """`parse` gives its object, and is one call."""
    stub.answers(Answer(json=CHAT))

    async def test() -> None:
        completion = await got(openai.chat.completions.parse(**ASK, response_format=City))
        assert completion.choices[0].message.parsed == City(city="Bern")

    run(test)
    assert fields(measured.call, *CHAT_TOKENS) == CHAT_TOKENS


@pytest.mark.parametrize(
    ("change", "error_type", "message"),
    [
        ({"finish_reason": "length"}, "invalid_response", "LengthFinishReasonError"),
        ({"finish_reason": "content_filter"}, "content_filter_blocked", "ContentFilterFinishReasonError"),
        ({"message": {"role": "assistant", "content": "no JSON"}}, "invalid_response", "ValidationError"),
    ],
)
def test_answer_that_cannot_be_parsed(
    openai: Any, stub: Stub, measured: Measured, change: dict[str, Any], error_type: str, message: str
) -> None:
    """The exception is the library's own; the tokens were paid for and are counted."""
    stub.answers(Answer(json={**CHAT, "choices": [{**CHAT["choices"][0], **change}]}))
    raised = run(lambda: outcome(lambda: openai.chat.completions.parse(**ASK, response_format=City)))
    assert type(raised).__name__ == message
    call = measured.call
    assert fields(call, "status", "error_type", "error_message", "http_status", *CHAT_TOKENS) == {
        "status": "error",
        "error_type": error_type,
        "error_message": message,
        "http_status": 200,
        **CHAT_TOKENS,
    }


def test_response(openai: Any, stub: Stub, measured: Measured) -> None:
    """The responses API: its names of tokens, the status as finish reason."""
    stub.answers(Answer(json=RESPONSE, headers=RATE_LIMITS))
    run(lambda: got_all(openai.responses.create(model="gpt-5", input="Hello", instructions="Be brief")))
    assert fields(measured.call, "operation", "model", "response_model", "finish_reason", *RESPONSE_TOKENS) == {
        "operation": "chat",
        "model": "gpt-5",
        "response_model": "gpt-5-2025-08-07",
        "finish_reason": "completed",
        **RESPONSE_TOKENS,
    }
    assert measured.call.rate_limit_remaining_tokens == 29_000
    assert measured.call.prompt_hash == prompt_hash({"input": "Hello", "instructions": "Be brief"})


async def got_all(*results: Any) -> list[Any]:
    return [await got(result) for result in results]


def test_streamed_response(openai: Any, stub: Stub, measured: Measured) -> None:
    """By `create` and by the helper: first delta, usage of the last event."""
    stub.answers(responses_stream(RESPONSE_EVENTS))

    async def test() -> None:
        assert len(await all_of(openai.responses.create(model="gpt-5", input="Hello", stream=True))) == 6
        async with opened(openai.responses.stream(model="gpt-5", input="Hello", text_format=City)) as stream:
            final = await got(stream.get_final_response())
            assert final.output_parsed == City(city="Bern")

    run(test)
    for call in measured.calls:
        assert fields(call, "stream", "status", "finish_reason", *RESPONSE_TOKENS) == {
            "stream": True,
            "status": "success",
            "finish_reason": "completed",
            **RESPONSE_TOKENS,
        }
        assert call.time_to_first_token_ms is not None
    assert len(measured.calls) == 2


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (
            {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}},
            {"status": "success", "error_type": None, "finish_reason": "max_output_tokens", "error_message": ""},
        ),
        (
            {"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}},
            {
                "status": "error",
                "error_type": "provider_down",
                "finish_reason": "failed",
                "error_message": "server_error",
            },
        ),
        (
            {"type": "error", "code": "rate_limit_exceeded", "message": "the prompt said ..."},
            {
                "status": "error",
                "error_type": "rate_limit",
                "finish_reason": "",
                "error_message": "rate_limit_exceeded",
            },
        ),
    ],
)
def test_streamed_response_that_does_not_complete(
    openai: Any, stub: Stub, measured: Measured, last: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Incomplete is no error; failed and error are, though the client raises nothing."""
    response = {**RESPONSE, "status": "incomplete", **last.get("response", {})}
    event = {**last, "sequence_number": 9, **({"response": response} if "response" in last else {})}
    stub.answers(responses_stream([*RESPONSE_EVENTS[:4], event]))
    run(lambda: all_of(openai.responses.create(model="gpt-5", input="Hello", stream=True)))
    assert fields(measured.call, *expected) == expected


def test_embeddings(openai: Any, stub: Stub, measured: Measured) -> None:
    """Only input tokens; as raw response too."""
    stub.answers(Answer(json=EMBEDDINGS))
    ask = {"model": "text-embedding-3-small", "input": ["one", "two"], "encoding_format": "float"}

    async def test() -> None:
        assert (await got(openai.embeddings.create(**ask))).data[0].embedding == [0.5, -0.25]
        raw = await got(openai.embeddings.with_raw_response.create(**ask))
        assert raw.parse().data[0].embedding == [0.5, -0.25]

    run(test)
    for call in measured.calls:
        assert fields(call, "operation", "model", "response_model", "input_tokens", "output_tokens") == {
            "operation": "embeddings",
            "model": "text-embedding-3-small",
            "response_model": "text-embedding-3-small",
            "input_tokens": 8,
            "output_tokens": None,
        }
    assert len(measured.calls) == 2


def test_raw_response(openai: Any, stub: Stub, measured: Measured) -> None:
    """Headers and body are the caller's as before; the call is emitted when the request returns."""
    stub.answers(Answer(json=CHAT, headers=RATE_LIMITS))

    async def test() -> None:
        raw = await got(openai.chat.completions.with_raw_response.create(**ASK))
        assert raw.headers["x-ratelimit-limit-requests"] == "500"
        assert raw.parse().choices[0].finish_reason == "stop"
        assert json.loads(raw.text) == CHAT

    run(test)
    assert fields(measured.call, "finish_reason", "rate_limit_limit_requests", *CHAT_TOKENS) == {
        "finish_reason": "stop",
        "rate_limit_limit_requests": 500,
        **CHAT_TOKENS,
    }


def test_raw_response_of_a_stream(openai: Any, stub: Stub, measured: Measured) -> None:
    """Its `parse` gives a stream that is measured, once however often it is asked for."""
    stub.answers(openai_stream([*CHAT_CHUNKS, CHAT_USAGE_CHUNK]))

    async def test() -> None:
        raw = await got(openai.chat.completions.with_raw_response.create(**ASK, stream=True))
        assert raw.parse() is raw.parse()
        assert len(await all_of(raw.parse())) == 5
        chained = (await got(openai.chat.completions.with_raw_response.create(**ASK, stream=True))).parse()
        assert len(await all_of(chained)) == 5

    run(test)
    assert [(call.finish_reason, call.input_tokens) for call in measured.calls] == [("stop", 120)] * 2


@pytest.mark.parametrize("how", ["lines", "bytes", "text", "read", "parse"])
def test_streaming_response(openai: Any, stub: Stub, measured: Measured, how: str) -> None:
    """However the caller reads the body of a stream, its call is measured once."""
    stub.answers(openai_stream([*CHAT_CHUNKS, CHAT_USAGE_CHUNK]))

    async def test() -> None:
        create = openai.chat.completions.with_streaming_response.create
        async with opened(create(**ASK, stream=True)) as response:
            if how == "read":
                assert len((await got(response.read())).split(b"data: ")) == 7
            elif how == "parse":
                assert len(await all_of(response.parse())) == 5
            else:
                assert await all_of(getattr(response, f"iter_{how}")())

    run(test)
    call = measured.call
    assert fields(call, "status", "finish_reason", "stream", *CHAT_TOKENS) == {
        "status": "success",
        "finish_reason": "stop",
        "stream": True,
        **CHAT_TOKENS,
    }
    assert call.time_to_first_token_ms is not None


@pytest.mark.parametrize("how", ["json", "parse", "text", "nothing"])
def test_streaming_response_of_a_whole_answer(openai: Any, stub: Stub, measured: Measured, how: str) -> None:
    """A body that is read is an answer; one that is never read was abandoned."""
    stub.answers(Answer(json=CHAT))

    async def test() -> None:
        async with opened(openai.chat.completions.with_streaming_response.create(**ASK)) as response:
            if how != "nothing":
                assert await got(getattr(response, how)())

    run(test)
    call = measured.call
    if how == "nothing":
        assert fields(call, "status", "finish_reason") == {"status": "cancelled", "finish_reason": "abandoned"}
    else:
        assert fields(call, "status", "finish_reason", *CHAT_TOKENS) == {
            "status": "success",
            "finish_reason": "stop",
            **CHAT_TOKENS,
        }


def test_what_is_no_call_is_not_measured(openai: Any, stub: Stub, measured: Measured) -> None:
    """The list of models, a stored response, a file: none of them calls a model."""
    stub.answers(Answer(json={"object": "list", "data": []}), Answer(json=RESPONSE))

    async def test() -> None:
        await got(openai.models.list())
        await got(openai.responses.retrieve("resp_1"))

    run(test)
    assert measured.calls == []


@pytest.mark.parametrize("streaming", [False, True])
def test_the_last_call_has_a_ref(openai: Any, stub: Stub, measured: Measured, streaming: bool) -> None:
    """So that feedback on an answer of an instrumented client can be sent. It is that of the call, not of the span."""
    stub.answers(openai_stream(CHAT_CHUNKS) if streaming else Answer(json=CHAT))
    gauge, refs = measured.gauge, list[str]()

    async def test() -> None:
        with gauge.trace("t"):
            result = openai.chat.completions.create(**ASK, stream=streaming)
            await (all_of(result) if streaming else got(result))
        assert gauge.last_call is not None
        refs.append(gauge.last_call.ref)

    run(test)
    ref = read_ref(refs[0])
    (call,) = (call for call in measured.calls if call.model)
    assert (ref.event_id, ref.trace_id) == (call.event_id, call.trace_id)
    assert call.parent_span_id
    assert ref.labels["response_model"] == call.response_model != ""
