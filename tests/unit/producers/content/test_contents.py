"""Prompts and answers are sent where a setting asks for them, redacted, cut, with their call's labels; else never."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge import Gauge, load_settings
from callgauge.content import contents
from callgauge.encoding import MAX_BYTES
from callgauge.schema import Content
from callgauge.testing import ManualClock, MemoryTransport
from tests.forked import Child
from tests.secrets_planted import leaks, planted

PROMPT = [{"role": "user", "content": "mail anna@example.org"}]


def gauge_with(transport: MemoryTransport, **given: Any) -> Gauge:
    made = load_settings(**{"service": "chat", "environment": "prod", "content": "all"} | given)
    return Gauge(made, transport=transport, clock=ManualClock(1_700_000_000.0))


def sent(**given: Any) -> list[Content]:
    transport = MemoryTransport()
    with gauge_with(transport, **given) as gauge:
        gauge.emit(model="gpt-4o", prompt=PROMPT, response="done")
    assert len(transport.calls) == 1
    return transport.contents


def test_off_by_default() -> None:
    """A prompt that is given goes nowhere, and the call goes as ever."""
    assert not sent(content=load_settings().content)


def test_content_goes_with_its_call() -> None:
    """With the call's id, trace and labels; messages as JSON; the counts of what was redacted."""
    transport = MemoryTransport()
    with gauge_with(transport) as gauge, gauge.call(model="gpt-4o", feature="search", trace_id="t1", ts=5.0) as call:
        call.set_content(prompt=PROMPT)
        call.set_content(response="see sk-proj-Q8zXw0v2rTn6JdKfLm3sYb")
    (content,) = transport.contents
    assert content == Content(
        event_id=transport.calls[0].event_id,
        trace_id="t1",
        ts=5.0,
        service="chat",
        labels={"model": "gpt-4o", "feature": "search", "environment": "prod"},
        prompt='[{"role":"user","content":"mail [email]"}]',
        response="see [openai_key]",
        redactions={"email": 1, "openai_key": 1},
        prompt_chars=51,
        response_chars=34,
    )
    (message,) = (message for message in transport.messages if message.kind == "content")
    assert message.key == b"t1"
    assert not any(b"mail" in message.value for message in transport.messages if message.kind == "calls")


def test_content_may_come_apart_from_its_call() -> None:
    """Of a call that is emitted elsewhere."""
    transport = MemoryTransport()
    with gauge_with(transport, content="off,chat=all") as gauge:
        assert gauge.content("e1", response=b"bytes", trace_id="t", model="m")
        assert not gauge.content("e2", response="x", service="other")
        assert not gauge.content("e3")
    (content,) = transport.contents
    assert (content.event_id, content.trace_id, content.response) == ("e1", "t", "bytes")
    assert content.labels == {"model": "m", "environment": "prod"}


def test_odd_labels_lose_no_content() -> None:
    """What is not text is made text, as in the call; without a call there is nothing to send."""
    transport = MemoryTransport()
    with gauge_with(transport) as gauge:
        assert gauge.content(
            "x" * 100, response="r", model=7, trace_id="t" * 300, ts="2026-01-31T14:00:00Z", variant=""
        )
        assert gauge.emit(model=numpy.array([1, 2]), response="r")
        assert not gauge.content("", response="r")
    first, second = transport.contents
    assert (len(first.event_id), len(first.trace_id), first.labels["model"]) == (64, 256, "7")
    assert first.ts == 1_769_868_000.0
    assert "variant" not in first.labels
    assert second.event_id == transport.calls[0].event_id
    assert gauge.stats.failed == 0


def test_a_trace_is_sampled_as_a_whole() -> None:
    """All calls of a trace or none, and the content says the share."""
    transport = MemoryTransport()
    with gauge_with(transport, content="0.3") as gauge:
        for number in range(200):
            gauge.emit(trace_id=f"trace-{number % 50}", response="x")
        assert gauge.flush(10) == 0
    per_trace = [sum(c.trace_id == f"trace-{n}" for c in transport.contents) for n in range(50)]
    assert set(per_trace) == {0, 4}
    assert {content.sample_rate for content in transport.contents} == {0.3}


def test_long_texts_are_cut_and_say_so() -> None:
    """At the setting's length, after they were redacted."""
    transport = MemoryTransport()
    with gauge_with(transport, content_max_chars=100) as gauge:
        gauge.emit(prompt="x" * 90 + " sk-proj-" + "aB3d" * 20, response="y" * 100_000)
    (content,) = transport.contents
    assert content.prompt == "x" * 90 + " [openai_k"
    assert (content.prompt_truncated, content.prompt_chars) == (True, 179)
    assert (content.response, content.response_truncated, content.response_chars) == ("y" * 100, True, 100_000)


def test_no_message_is_larger_than_a_broker_takes() -> None:
    """What needs many bytes a character is cut further."""
    transport = MemoryTransport()
    with gauge_with(transport, content_max_chars=250_000) as gauge:
        gauge.emit(prompt="\x01" * 300_000, response="🔥" * 300_000)
    (message,) = (message for message in transport.messages if message.kind == "content")
    assert MAX_BYTES / 3 < len(message.value) <= MAX_BYTES


@pytest.mark.parametrize("odd", [object(), iter([1]), {"a": {1, 2}}, [b"x"], "\ud800", 7, {"k": float("nan")}])
def test_odd_content_loses_no_call(odd: Any) -> None:
    """Whatever is given for a prompt, the call is delivered, and so is what can be said of the content."""
    transport = MemoryTransport()
    with gauge_with(transport) as gauge:
        assert gauge.emit(model="m", prompt=odd, response="r")
    assert len(transport.calls) == len(transport.contents) == 1
    assert gauge.stats.failed == 0


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the bus takes nothing, contents are dropped and counted before they fill the host's memory; no call is."""
    monkeypatch.setattr(contents, "MOST_WAITING", 1_000)
    transport = MemoryTransport(full=True)
    with gauge_with(transport) as gauge:
        for _ in range(50):
            gauge.emit(model="m", response="z" * 100)
        assert gauge.stats.contents_dropped >= 39
        assert gauge.stats.dropped == 0
        transport.full = False
        assert gauge.flush(10) == 0
        gauge.emit(model="m", response="z" * 100)
    assert len(transport.calls) == 51
    assert len(transport.contents) == 51 - gauge.stats.contents_dropped


def test_texts_are_redacted_on_the_delivery_thread() -> None:
    """Not while the host waits."""
    threads: set[str] = set()

    def hook(text: str) -> str:
        threads.add(threading.current_thread().name)
        return text

    transport = MemoryTransport()
    made = load_settings(service="chat", content="all")
    with Gauge(made, transport=transport, redact=hook) as gauge:
        gauge.emit(model="m", error_message="some words", prompt="p", response="r", tags={"a": "b"})
    assert threads == {"callgauge"}


@settings(max_examples=60, deadline=None)
@given(planted(), st.sampled_from(["prompt", "response"]), st.booleans())
def test_no_secret_is_in_a_content(case: tuple[str, str, str], where: str, nested: bool) -> None:
    """In text and in messages, in each form; and the kinds are counted."""
    text, secret, _ = case
    value: Any = [{"role": "user", "content": [{"type": "text", "text": text}]}] if nested else text
    transport = MemoryTransport()
    with gauge_with(transport) as gauge:
        gauge.emit(**{where: value})
    (content,) = transport.contents
    assert not leaks(json.dumps(content.model_dump()), secret)
    assert content.redactions


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_another_thread_takes_a_prompt() -> None:
    """The child's lock is its own, so that it does not wait for a thread that it does not have; nor for room."""
    transport = MemoryTransport(full=True)
    with gauge_with(transport) as gauge:
        gauge.emit(model="parent", prompt=PROMPT)

        def deliver() -> str:
            transport.full = False
            gauge.emit(model="child", prompt="hello")
            return f"{gauge.flush(30)} {[content.prompt for content in transport.contents]} {gauge._contents._waiting}"

        with held(gauge._contents._lock):
            child = Child(deliver, 10)
        assert child.result() == "0 ['hello'] 0"
        transport.full = False


@contextmanager
def held(lock: threading.Lock) -> Iterator[None]:
    """A lock that another thread holds."""
    holds, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            holds.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait()
    try:
        yield
    finally:
        leave.set()
        thread.join()
