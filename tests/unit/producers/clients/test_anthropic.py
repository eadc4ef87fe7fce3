"""Calls of the real Anthropic clients are measured as they are, sync and async."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pydantic
import pytest

from callgauge import Call
from callgauge.clients.prompt_hash import prompt_hash
from tests.llm_answers import MESSAGE, MESSAGE_EVENTS, anthropic_stream
from tests.llm_stub import Answer, Stub
from tests.unit.producers.clients.conftest import Measured, all_of, each, got, opened, run

ASK: dict[str, Any] = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 1_000,
    "system": "Be brief",
    "messages": [{"role": "user", "content": "The capital of Switzerland?"}],
}
#: Anthropic counts 5 beside 128,955 read and 1,253 written: 130,213 in all.
TOKENS = {
    "input_tokens": 130_213,
    "cache_read_tokens": 128_955,
    "cache_write_tokens": 1_253,
    "output_tokens": 500,
    "reasoning_tokens": 200,
}
LIMITS = {
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-tokens-limit": "400000",
    "anthropic-ratelimit-tokens-remaining": "399000",
}


class City(pydantic.BaseModel):
    city: str


def fields(call: Call, *names: str) -> dict[str, Any]:
    return {name: getattr(call, name) for name in names}


def test_message(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """Input is the sum of what is fresh, read and written; the prompt is system and messages."""
    stub.answers(Answer(json=MESSAGE, headers=LIMITS))

    async def test() -> None:
        assert (await got(anthropic.messages.create(**ASK))).content[0].text == '{"city": "Bern"}'

    run(test)
    call = measured.call
    assert call == Call(
        event_id=call.event_id,
        ts=call.ts,
        latency_ms=call.latency_ms,
        service="search",
        model="claude-sonnet-4-6",
        response_model="claude-sonnet-4-6",
        provider="anthropic",
        endpoint=f"{stub.url.removeprefix('http://')}/v1/messages",
        prompt_hash=prompt_hash({"system": ASK["system"], "messages": ASK["messages"]}),
        finish_reason="end_turn",
        http_status=200,
        rate_limit_limit_requests=4_000,
        rate_limit_remaining_requests=3_999,
        rate_limit_limit_tokens=400_000,
        rate_limit_remaining_tokens=399_000,
        input_tokens=130_213,
        cache_read_tokens=128_955,
        cache_write_tokens=1_253,
        output_tokens=500,
        reasoning_tokens=200,
        cost_usd=0.05090025,
        price_source=f"genai-prices 0.2.3, {datetime.fromtimestamp(call.ts, UTC).date()}",
    )
    assert "Switzerland" not in call.model_dump_json()


def test_streamed_message(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """By `create`, by the helper and its texts, and by the beta: one call each, with TTFT and the usage of the end."""
    stub.answers(anthropic_stream(MESSAGE_EVENTS))

    async def test() -> None:
        assert len(await all_of(anthropic.messages.create(**ASK, stream=True))) == 7
        async with opened(anthropic.messages.stream(**ASK)) as stream:
            assert await all_of(stream.text_stream) == ["Be", "rn"]
        async with opened(anthropic.messages.stream(**ASK)) as stream:
            assert (await got(stream.get_final_message())).usage.output_tokens == 500
        assert len(await all_of(anthropic.beta.messages.create(**ASK, stream=True))) == 7

    run(test)
    assert len(measured.calls) == 4
    for call in measured.calls:
        assert fields(call, "stream", "status", "finish_reason", "endpoint", *TOKENS) == {
            "stream": True,
            "status": "success",
            "finish_reason": "end_turn",
            "endpoint": f"{stub.url.removeprefix('http://')}/v1/messages",
            **TOKENS,
        }
        assert call.time_to_first_token_ms is not None
        assert call.latency_ms is not None
        assert 0 < call.time_to_first_token_ms <= call.latency_ms


def test_message_that_is_left_early(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """Its input is known; the output of 1 in its start is a placeholder, and not told."""
    stub.answers(anthropic_stream(MESSAGE_EVENTS))

    async def test() -> None:
        async with opened(anthropic.messages.stream(**ASK)) as stream:
            async for _ in each(stream):
                break

    run(test)
    expected = {"status": "cancelled", "finish_reason": "abandoned", "input_tokens": 130_213, "output_tokens": None}
    assert fields(measured.call, *expected) == expected


def test_stream_is_left_after_its_stop_reason(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """Who stops reading after the stop reason has the whole answer."""
    stub.answers(anthropic_stream(MESSAGE_EVENTS))

    async def test() -> None:
        async with opened(anthropic.messages.stream(**ASK)) as stream:
            async for event in each(stream):
                if event.type == "message_delta":
                    break

    run(test)
    assert fields(measured.call, "status", "finish_reason", *TOKENS) == {
        "status": "success",
        "finish_reason": "end_turn",
        **TOKENS,
    }


def test_parsed_message(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """`parse` gives its object, and is one call."""
    stub.answers(Answer(json=MESSAGE))

    async def test() -> None:
        message = await got(anthropic.messages.parse(**ASK, output_format=City))
        assert message.parsed_output == City(city="Bern")

    run(test)
    assert fields(measured.call, *TOKENS) == TOKENS


def test_context_window_exceeded(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """This stop reason is an error of its own, though the client raises nothing."""
    stub.answers(Answer(json={**MESSAGE, "stop_reason": "model_context_window_exceeded"}))
    run(lambda: all_results(anthropic.messages.create(**ASK)))
    assert fields(measured.call, "status", "error_type") == {
        "status": "error",
        "error_type": "context_window_exceeded",
    }


async def all_results(*results: Any) -> list[Any]:
    return [await got(result) for result in results]


def test_raw_response(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """Whole and streamed, the call is measured once."""
    stub.answers(Answer(json=MESSAGE, headers=LIMITS), anthropic_stream(MESSAGE_EVENTS, headers=LIMITS))

    async def test() -> None:
        raw = await got(anthropic.messages.with_raw_response.create(**ASK))
        assert raw.headers["anthropic-ratelimit-requests-limit"] == "4000"
        assert (await got(raw.parse())).stop_reason == "end_turn"
        raw = await got(anthropic.messages.with_raw_response.create(**ASK, stream=True))
        assert len(await all_of(raw.parse())) == 7

    run(test)
    assert len(measured.calls) == 2
    for call in measured.calls:
        assert fields(call, "finish_reason", "rate_limit_limit_tokens", *TOKENS) == {
            "finish_reason": "end_turn",
            "rate_limit_limit_tokens": 400_000,
            **TOKENS,
        }


@pytest.mark.parametrize("how", ["iter_lines", "iter_bytes", "parse"])
def test_streaming_response(anthropic: Any, stub: Stub, measured: Measured, how: str) -> None:
    """However the caller reads the body of a stream."""
    stub.answers(anthropic_stream(MESSAGE_EVENTS))

    async def test() -> None:
        create = anthropic.messages.with_streaming_response.create
        async with opened(create(**ASK, stream=True)) as response:
            assert await all_of(getattr(response, how)())

    run(test)
    assert fields(measured.call, "status", "finish_reason", *TOKENS) == {
        "status": "success",
        "finish_reason": "end_turn",
        **TOKENS,
    }


def test_what_is_no_call_is_not_measured(anthropic: Any, stub: Stub, measured: Measured) -> None:
    """Counting tokens calls no model."""
    stub.answers(Answer(json={"input_tokens": 12}))
    run(lambda: all_results(anthropic.messages.count_tokens(model=ASK["model"], messages=ASK["messages"])))
    assert measured.calls == []
