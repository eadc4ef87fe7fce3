"""Failures of the real clients: the exception is theirs, the call says which kind it was."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic as anthropic_library
import openai as openai_library
import pytest

from callgauge import Call
from tests.llm_answers import CHAT, CHAT_CHUNKS, MESSAGE, MESSAGE_EVENTS, RATE_LIMITS, anthropic_stream, openai_stream
from tests.llm_stub import Answer, Stub
from tests.unit.producers.clients.conftest import Measured, all_of, ask, each, is_openai, run

AT_ONCE = {"retry-after-ms": "1"}


def fields(call: Call, *names: str) -> dict[str, Any]:
    return {name: getattr(call, name) for name in names}


def openai_error(code: str | None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": "xyzzy was said", "type": kind, "param": None, "code": code}}


def anthropic_error(kind: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": "xyzzy was said"}}


async def fails_with(kind: type[BaseException], client: Any, **more: Any) -> None:
    with pytest.raises(kind) as caught:
        await ask(client, **more)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("answer", "kind", "error_type", "message"),
    [
        (Answer(429, openai_error("rate_limit_exceeded")), "RateLimitError", "rate_limit", " rate_limit_exceeded"),
        (Answer(429, openai_error("insufficient_quota")), "RateLimitError", "other", " insufficient_quota"),
        (
            Answer(400, openai_error("context_length_exceeded")),
            "BadRequestError",
            "context_window_exceeded",
            " context_length_exceeded",
        ),
        (Answer(400, openai_error("content_filter")), "BadRequestError", "content_filter_blocked", " content_filter"),
        (Answer(401, openai_error("invalid_api_key")), "AuthenticationError", "other", " invalid_api_key"),
        (Answer(500, text="oops"), "InternalServerError", "provider_down", ""),
        (Answer(408, text="late"), "APIStatusError", "timeout", ""),
    ],
)
def test_openai_error(
    openai: Any, stub: Stub, measured: Measured, answer: Answer, kind: str, error_type: str, message: str
) -> None:
    """By code, then class, then status; what the provider says in its message is not sent on."""
    stub.answers(Answer(answer.status, answer.json, headers=RATE_LIMITS, text=answer.text))
    run(lambda: fails_with(getattr(openai_library, kind), openai))
    call = measured.call
    assert fields(call, "status", "error_type", "http_status", "error_message", "retry_count") == {
        "status": "error",
        "error_type": error_type,
        "http_status": answer.status,
        "error_message": f"{kind}{message}",
        "retry_count": 0,
    }
    assert call.rate_limit_remaining_requests == 499
    assert "xyzzy" not in call.model_dump_json()


@pytest.mark.parametrize(
    ("answer", "kind", "error_type"),
    [
        (Answer(429, anthropic_error("rate_limit_error")), "RateLimitError", "rate_limit"),
        (Answer(529, anthropic_error("overloaded_error")), "OverloadedError", "provider_down"),
        (Answer(500, anthropic_error("api_error")), "InternalServerError", "provider_down"),
        (Answer(413, anthropic_error("request_too_large")), None, "context_window_exceeded"),
        (Answer(400, anthropic_error("invalid_request_error")), "BadRequestError", "other"),
    ],
)
def test_anthropic_error(
    anthropic: Any, stub: Stub, measured: Measured, answer: Answer, kind: str | None, error_type: str
) -> None:
    """The same for Anthropic, 529 included."""
    stub.answers(Answer(answer.status, answer.json, headers={"anthropic-ratelimit-requests-remaining": "0"}))

    async def test() -> None:
        with pytest.raises(anthropic_library.APIStatusError) as caught:
            await ask(anthropic)
        assert kind in (None, type(caught.value).__name__)

    run(test)
    assert fields(measured.call, "status", "error_type", "http_status", "rate_limit_remaining_requests") == {
        "status": "error",
        "error_type": error_type,
        "http_status": answer.status,
        "rate_limit_remaining_requests": 0,
    }


def test_retries_inside_the_client(client: Any, stub: Stub, measured: Measured) -> None:
    """Three requests are one call with two retries, whether the last succeeds or not."""
    client = client.with_options(max_retries=2)
    refused = Answer(429, openai_error("rate_limit_exceeded"), headers=AT_ONCE)
    library: Any = openai_library if is_openai(client) else anthropic_library
    answer = Answer(json=CHAT if is_openai(client) else MESSAGE)

    async def test() -> None:
        stub.answers(refused, Answer(500, text="oops", headers=AT_ONCE), answer)
        await ask(client)
        assert len(stub.seen) == 3
        stub.answers(refused)
        await fails_with(library.RateLimitError, client)
        assert len(stub.seen) == 3

    run(test)
    assert [(call.status, call.retry_count, call.http_status) for call in measured.calls] == [
        ("success", 2, 200),
        ("error", 2, 429),
    ]


def test_timeout(client: Any, stub: Stub, measured: Measured) -> None:
    """Of the request, with a retry, and in the middle of a stream."""
    library: Any = openai_library if is_openai(client) else anthropic_library
    chunks = openai_stream(CHAT_CHUNKS, waits_after=2)
    events = anthropic_stream(MESSAGE_EVENTS, waits_after=4)

    async def test() -> None:
        stub.answers(Answer(json={}, waits_after=0))
        await fails_with(library.APITimeoutError, client.with_options(timeout=0.1, max_retries=1))
        stub.go_on.set()
        stub.answers(chunks if is_openai(client) else events)
        await fails_in_stream(client.with_options(timeout=0.3))

    run(test)
    first, second = measured.calls
    assert fields(first, "status", "error_type", "retry_count", "finish_reason") == {
        "status": "error",
        "error_type": "timeout",
        "retry_count": 1,
        "finish_reason": "",
    }
    assert fields(second, "status", "error_type", "finish_reason", "stream") == {
        "status": "error",
        "error_type": "timeout",
        "finish_reason": "abandoned",
        "stream": True,
    }
    assert second.time_to_first_token_ms is not None


def test_nobody_listens(openai: Any, measured: Measured) -> None:
    """A connection that fails is the provider's fault."""
    client = openai.with_options(base_url="http://127.0.0.1:1/v1")
    run(lambda: fails_with(openai_library.APIConnectionError, client))
    assert fields(measured.call, "status", "error_type", "http_status") == {
        "status": "error",
        "error_type": "provider_down",
        "http_status": None,
    }


def test_connection_is_cut_in_a_stream(client: Any, stub: Stub, measured: Measured) -> None:
    """The provider is down; TTFT and what else is known stays."""
    cut = openai_stream(CHAT_CHUNKS[:2], done=False, cut=True)
    stub.answers(cut if is_openai(client) else anthropic_stream(MESSAGE_EVENTS[:4], cut=True))

    async def test() -> None:
        stream = await ask(client, stream=True)
        with pytest.raises(Exception, match=r"Connection error|peer closed connection"):
            await all_of(stream)

    run(test)
    call = measured.call
    assert fields(call, "status", "error_type", "finish_reason", "http_status") == {
        "status": "error",
        "error_type": "provider_down",
        "finish_reason": "abandoned",
        "http_status": 200,
    }
    assert call.time_to_first_token_ms is not None


def test_stream_ends_without_an_end(client: Any, stub: Stub, measured: Measured) -> None:
    """The client sees nothing amiss; the answer is cut all the same."""
    stub.answers(openai_stream(CHAT_CHUNKS[:2]) if is_openai(client) else anthropic_stream(MESSAGE_EVENTS[:4]))

    async def test() -> None:
        await all_of(await ask(client, stream=True))

    run(test)
    assert fields(measured.call, "status", "error_type", "finish_reason", "error_message") == {
        "status": "error",
        "error_type": "invalid_response",
        "finish_reason": "abandoned",
        "error_message": "the stream was cut",
    }


@pytest.mark.parametrize(
    ("data", "error_type"),
    [
        (json.dumps(openai_error(None, "server_error")), "provider_down"),
        (json.dumps(openai_error("rate_limit_exceeded")), "rate_limit"),
        (json.dumps(openai_error("odd")), "other"),
        ("{no json", "invalid_response"),
    ],
    ids=["server_error", "rate_limit", "odd", "no_json"],
)
def test_error_in_a_stream_of_openai(openai: Any, stub: Stub, measured: Measured, data: str, error_type: str) -> None:
    """The provider tells of a failure after HTTP 200."""
    begun = openai_stream(CHAT_CHUNKS[:2], done=False).events or ()
    stub.answers(Answer(events=[*begun, f"data: {data}\n\n"]))
    run(lambda: fails_in_stream(openai))
    expected = {"status": "error", "error_type": error_type, "finish_reason": "abandoned"}
    assert fields(measured.call, *expected) == expected
    assert "xyzzy" not in measured.call.model_dump_json()


@pytest.mark.parametrize("kind", ["overloaded_error", "api_error"])
def test_error_in_a_stream_of_anthropic(anthropic: Any, stub: Stub, measured: Measured, kind: str) -> None:
    """The same, in an event of its own."""
    stub.answers(anthropic_stream([*MESSAGE_EVENTS[:4], {**anthropic_error(kind), "type": "error"}]))
    run(lambda: fails_in_stream(anthropic))
    expected = {"status": "error", "error_type": "provider_down", "finish_reason": "abandoned"}
    assert fields(measured.call, *expected) == expected
    assert "xyzzy" not in measured.call.model_dump_json()


async def fails_in_stream(client: Any) -> None:
    failed = False
    try:
        await all_of(await ask(client, stream=True))
    except Exception:
        failed = True
    assert failed


@pytest.mark.parametrize("mode", ["async"], indirect=True)
def test_cancelled_task(openai: Any, anthropic: Any, stub: Stub, measured: Measured) -> None:
    """A task that its user cancels is cancelled, in the request or in the stream; no error of the provider."""
    stub.answers(
        Answer(json=CHAT, waits_after=0),
        anthropic_stream(MESSAGE_EVENTS, waits_after=4),
    )

    async def in_request() -> None:
        task = asyncio.create_task(ask(openai))
        assert await asyncio.to_thread(stub.asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def in_stream() -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async for event in each(await ask(anthropic, stream=True)):
                if event.type == "content_block_delta":
                    begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(in_request)
    run(in_stream)
    told = [fields(call, "status", "error_type", "finish_reason", "input_tokens") for call in measured.calls]
    assert told == [
        {"status": "cancelled", "error_type": None, "finish_reason": "", "input_tokens": None},
        {"status": "cancelled", "error_type": None, "finish_reason": "abandoned", "input_tokens": 130_213},
    ]


@pytest.mark.parametrize("mode", ["async"], indirect=True)
def test_timeout_of_the_host(openai: Any, stub: Stub, measured: Measured) -> None:
    """`asyncio.timeout` around a call is a timeout, not a cancellation."""
    stub.answers(Answer(json=CHAT, waits_after=0))

    async def test() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(openai)

    run(test)
    assert fields(measured.call, "status", "error_type") == {"status": "error", "error_type": "timeout"}
