"""From the spans of one export to its events. Pure but for what is remembered of spans around calls."""

from __future__ import annotations

from typing import NamedTuple

from callgauge_gateway.dialects.evaluations import EVENT_NAME, scores_of_span
from callgauge_gateway.dialects.event import Event
from callgauge_gateway.dialects.nesting import Nesting, inside_out
from callgauge_gateway.dialects.span import Span
from callgauge_gateway.dialects.span_calls import call_of_span, is_ours

__all__ = ["Traces", "events_of_spans"]


class Traces(NamedTuple):
    """What spans became."""

    events: list[Event]
    passed_over: int
    """Spans that tell nothing of an LLM application."""


def events_of_spans(spans: list[Span], nesting: Nesting) -> Traces:
    """A call for each span that is ours, and a score for each evaluation among its events."""
    events: list[Event] = []
    passed_over = 0
    for span in inside_out(spans):
        ours = is_ours(span)
        judged = any(event.name == EVENT_NAME for event in span.events)
        if not ours and not judged:
            passed_over += 1
            nesting.pass_on(span)
            continue
        call = call_of_span(span)
        if ours:
            nesting.count_once(span, call.fields)
            events.append(call)
        if judged:
            events.extend(scores_of_span(span, call.fields))
    return Traces(events, passed_over)
