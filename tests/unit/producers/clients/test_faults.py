"""A fault of ours never reaches the host: it is counted, logged once, and the call says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from callgauge.clients import calls, measured_call
from callgauge.clients.anthropic_messages import MessagesAnswer
from callgauge.clients.instrument import faults_of
from callgauge.clients.openai_chat import ChatAnswer
from callgauge.mending import MENDED
from tests.llm_answers import CHAT, CHAT_CHUNKS, MESSAGE, MESSAGE_EVENTS, anthropic_stream, openai_stream
from tests.llm_stub import Answer, Stub
from tests.unit.producers.clients.conftest import Measured, all_of, ask, is_openai, run


def broken(*args: Any, **kwargs: Any) -> Any:
    raise ZeroDivisionError("the secret word is xyzzy")


@contextmanager
def warnings_in(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    found: list[str] = []
    with caplog.at_level(logging.WARNING, "callgauge"):
        yield found
    found += [record.getMessage() for record in caplog.records if record.name == "callgauge"]


@pytest.fixture(params=["whole", "stream"])
def streaming(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "stream")


async def works(client: Any, stub: Stub, streaming: bool) -> None:
    """A host's call is as it would be without us, twice."""
    for _ in range(2):
        if streaming:
            stub.answers(openai_stream(CHAT_CHUNKS) if is_openai(client) else anthropic_stream(MESSAGE_EVENTS))
            assert len(await all_of(await ask(client, stream=True))) == (4 if is_openai(client) else 7)
        else:
            stub.answers(Answer(json=CHAT if is_openai(client) else MESSAGE))
            assert (await ask(client)).model_dump_json()


@pytest.mark.parametrize("part", ["answer", "headers"])
def test_answer_that_we_cannot_read(
    client: Any,
    stub: Stub,
    measured: Measured,
    streaming: bool,
    part: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The call is emitted with what is known, and says what is missing."""
    if part == "answer":
        for kind in (ChatAnswer, MessagesAnswer):
            monkeypatch.setattr(kind, "take", broken)
            monkeypatch.setattr(kind, "take_chunk", broken)
    else:
        monkeypatch.setattr(measured_call, "rate_limits_of", broken)
    with warnings_in(caplog) as warnings:
        run(lambda: works(client, stub, streaming))
    assert len(warnings) == 1
    assert "ZeroDivisionError" in warnings[0]
    assert "xyzzy" not in warnings[0]
    assert faults_of(client) >= 2
    assert len(measured.calls) == 2
    for call in measured.calls:
        assert call.tags[MENDED].startswith("client: ZeroDivisionError while ")
        assert call.model != ""


@pytest.mark.parametrize("part", ["prompt_hash", "provider_of", "endpoint_of"])
def test_request_that_we_cannot_read(
    client: Any, stub: Stub, measured: Measured, streaming: bool, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One field is missing; the call is there, and the fault is counted."""
    monkeypatch.setattr(calls, part, broken)
    run(lambda: works(client, stub, streaming))
    assert faults_of(client) == 2
    assert [(getattr(call, part.removesuffix("_of")), call.http_status) for call in measured.calls] == [("", 200)] * 2


def test_a_gauge_that_fails_is_not_seen(
    client: Any, stub: Stub, measured: Measured, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when it begins a call nor when it emits it."""
    for broken_part in ("call", "_emit_measured"):
        monkeypatch.setattr(measured.gauge, broken_part, broken)
        before = faults_of(client)
        run(lambda: works(client, stub, streaming))
        assert faults_of(client) == before + 2
        monkeypatch.undo()


def test_a_closed_gauge_is_not_seen(client: Any, stub: Stub, measured: Measured, streaming: bool) -> None:
    """The host goes on; the Gauge counts what it did not take."""
    measured.gauge.close(0.1)
    run(lambda: works(client, stub, streaming))
    assert measured.gauge.stats.dropped == 2
    assert faults_of(client) == 0


def test_a_library_that_changed_within(client: Any, stub: Stub, measured: Measured, streaming: bool) -> None:
    """Without the one private method that tells of the response, only what stands in the headers is missing."""
    client._process_response = type(client)._process_response.__get__(client)
    run(lambda: works(client, stub, streaming))
    for call in measured.calls:
        assert call.finish_reason in ("stop", "end_turn")
    assert faults_of(client) == 0
