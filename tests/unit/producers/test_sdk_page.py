"""docs/sdk.md: every example runs as it stands, and does what the page says."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callgauge.refs import read_ref, ref_of
from callgauge.settings import Settings
from callgauge.testing import MemoryTransport
from callgauge.trace_context import parse_traceparent

PAGE = (Path(__file__).parents[3] / "docs" / "sdk.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def run_in_thread(function: Callable[..., None], *args: Any) -> None:
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], MemoryTransport]]:
    """The names that the examples have when all were run one after the other, and the bus that they wrote to."""
    monkeypatch.setenv("CALLGAUGE_SERVICE", "search")
    bus = MemoryTransport()
    monkeypatch.setattr("callgauge.delivery_made.KafkaTransport", lambda settings: bus)
    answer = SimpleNamespace(text="Bern", input_tokens=420, output_tokens=96)
    names: dict[str, Any] = {
        "ask": lambda text: answer,
        "search_index": lambda text: ["document"],
        "request": SimpleNamespace(headers={"traceparent": HEADER}),
        "fetch": lambda url, headers: headers,
        "run_in_thread": run_in_thread,
    }
    for example in EXAMPLES:
        exec(example, names)  # noqa: S102 (the page is ours)
    yield names, bus
    names["gauge"].close(1)


def test_all_examples_are_found() -> None:
    """As many as the page has code blocks of Python."""
    assert len(EXAMPLES) == PAGE.count("```python") == PAGE.count("```") / 2 == 8


def test_what_the_examples_emit(page: tuple[dict[str, Any], MemoryTransport], capsys: Any) -> None:
    """Calls, steps with their places, judgements in their call's series."""
    names, bus = page
    gauge = names["gauge"]
    assert asyncio.run(names["summarise"](["a"])) == ["A"]
    assert gauge.flush(5) == 0
    assert gauge.stats.invalid == 0
    calls = {call.name or call.operation: call for call in bus.calls}
    assert [call.model for call in bus.calls if call.operation == "chat"].count("gpt-4o") == 4
    classified = next(call for call in bus.calls if call.model == "gpt-4o-mini")
    assert (classified.output_tokens, classified.status) == (96, "success")
    answer = calls["answer"]
    children = {call.name or call.model for call in bus.calls if call.parent_span_id == answer.span_id}
    assert children == {"find documents", "weather", "gpt-4o"}
    assert calls["weather"].tags == {"city": "Bern"}
    assert calls["handle"].parent_span_id == parse_traceparent(HEADER).span_id  # type: ignore[union-attr]
    assert calls["in a thread"].parent_span_id == calls["parallel"].span_id
    assert "summarise" in calls
    judged = read_ref(names["ref"])
    assert {(score.name, score.value) for score in bus.scores} == {
        ("helpfulness", 0.8),
        ("thumbs", 0.0),
        ("rating", 4.0),
        ("escalation", 1.0),
    }
    assert {(score.event_id, score.labels["prompt_version"]) for score in bus.scores} == {(judged.event_id, "v7")}
    assert [change.to_state for change in bus.state_changes] == ["open"]


def test_the_page_names_settings_that_there_are() -> None:
    """With their defaults, where it tells them."""
    named = {name.lower() for name in re.findall(r"CALLGAUGE_([A-Z_]+)", PAGE)}
    assert named <= Settings.model_fields.keys()
    fields = Settings.model_fields
    assert f"`CALLGAUGE_QUEUE_SIZE` ({fields['queue_size'].default:,})" in PAGE
    assert f"`CALLGAUGE_SPILL_MB` ({fields['spill_mb'].default})" in PAGE
    assert f"Every {fields['gauge_heartbeat_s'].default:g} s" in PAGE


def test_a_ref_is_as_long_as_the_page_says() -> None:
    """Of an ordinary call."""
    call = {
        "event_id": "0190f3a0-0000-7000-8000-000000000000",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "service": "search",
        "model": "gpt-4o",
        "prompt_version": "v7",
    }
    assert "some 200 characters" in PAGE
    assert 150 < len(ref_of(call, complete=True)) < 250
