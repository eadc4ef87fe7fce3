"""Spans inside each other count their tokens once; evaluations become scores; other spans are passed over."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from callgauge.ids import uuid5_of
from callgauge_gateway.dialects.evaluations import EVENT_NAME
from callgauge_gateway.dialects.nesting import Nesting
from callgauge_gateway.dialects.span import Span
from callgauge_gateway.dialects.traces import events_of_spans
from tests.unit.producers.gateway.dialects.spans import MS, START, event, span_of

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7}
#      framework: chat   ├──────────────────────────────┤
#      http (not ours)      ├────────────────────────┤
#      client: chat             ├────────────────┤
FRAMEWORK = span_of(CHAT, span_id="1", end_ns=START + 90 * MS)
BETWEEN = span_of({"http.route": "/"}, span_id="2", parent_span_id="1", start_ns=START + 1, end_ns=START + 80 * MS)
CLIENT = span_of(CHAT, span_id="3", parent_span_id="2", start_ns=START + 2, end_ns=START + 70 * MS)


def calls_of(*exports: list[Span]) -> dict[str, dict[str, Any]]:
    """Span id -> call, of exports that come one after the other."""
    nesting = Nesting()
    return {e.fields["span_id"]: e.fields for spans in exports for e in events_of_spans(spans, nesting).events}


@pytest.mark.parametrize("spans", list(permutations([FRAMEWORK, BETWEEN, CLIENT])))
def test_tokens_count_once_in_one_export(spans: tuple[Span, ...]) -> None:
    """Whatever the order in it: on the span that is the call; what is around it is a chain."""
    calls = calls_of(list(spans))
    assert (calls["3"]["operation"], calls["3"]["input_tokens"]) == ("chat", 7)
    assert (calls["1"]["operation"], calls["1"].get("input_tokens")) == ("chain", None)


def test_tokens_count_once_over_several_exports() -> None:
    """Spans are exported as they end, from the inside outwards; one that comes again becomes the same again."""
    calls = calls_of([CLIENT], [BETWEEN], [FRAMEWORK], [CLIENT], [FRAMEWORK])
    assert (calls["3"]["input_tokens"], calls["1"].get("input_tokens")) == (7, None)


def test_a_call_with_a_tool_inside_keeps_its_tokens() -> None:
    """Only a call of a model takes them."""
    tool = span_of({"gen_ai.operation.name": "execute_tool"}, span_id="3", parent_span_id="1", end_ns=START + 5)
    assert calls_of([tool, FRAMEWORK])["1"]["input_tokens"] == 7


def test_siblings_keep_their_tokens() -> None:
    """Two calls of one parent."""
    other = CLIENT._replace(span_id="4")
    assert [call.get("input_tokens") for call in calls_of([CLIENT, other]).values()] == [7, 7]


def test_memory_is_bounded() -> None:
    """The oldest is forgotten."""
    nesting = Nesting(most=2)
    for n in range(5):
        events_of_spans([CLIENT._replace(span_id=f"c{n}", parent_span_id=f"p{n}")], nesting)
    around = [FRAMEWORK._replace(span_id=f"p{n}") for n in range(5)]
    found = [events_of_spans([span], nesting).events[0].fields["operation"] for span in around]
    assert found == ["chat", "chat", "chat", "chain", "chain"]


def test_other_spans_are_passed_over() -> None:
    """Accepted and counted, not stored."""
    found = events_of_spans([BETWEEN, CLIENT], Nesting())
    assert (len(found.events), found.passed_over) == (1, 1)


def test_an_evaluation_is_a_score_of_its_span() -> None:
    """With the labels of the call; a label alone stands for 1 or 0."""
    result, name, score = EVENT_NAME, "gen_ai__evaluation__name", "gen_ai__evaluation__score"
    passed = event(result, 0, **{name: "Format", f"{score}__label": "pass"})
    valued = event(result, 0, **{name: "Tone", f"{score}__value": 0.5})
    found = events_of_spans([CLIENT._replace(events=(passed, valued))], Nesting()).events
    call, first, second = (e.fields for e in found)
    assert [(s["name"], s["value"], s["origin"]) for s in (first, second)] == [
        ("Format", 1.0, "judge"), ("Tone", 0.5, "judge")]  # fmt: skip
    assert first["event_id"] == call["event_id"] == uuid5_of(CLIENT.trace_id, CLIENT.span_id)
    assert (first["labels"]["model"], first["labels"]["feature"]) == ("m", "")
    assert first["score_id"] != second["score_id"]


def test_an_evaluation_of_a_span_that_is_not_ours_is_a_score_too() -> None:
    """The evaluator's own span; no call is made of it."""
    judged = BETWEEN._replace(events=(event("gen_ai.evaluation.result", gen_ai__evaluation__name="n"),))
    assert [e.kind for e in events_of_spans([judged], Nesting()).events] == ["score"]
