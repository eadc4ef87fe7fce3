"""OpenTelemetry's event `gen_ai.evaluation.result`, of a span or as a log record, as a score of the span's call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from callgauge.counted import LABELS
from callgauge.ids import uuid5_of
from callgauge_gateway.dialects.event import Event
from callgauge_gateway.dialects.span import Span

__all__ = ["EVENT_NAME", "score_of_evaluation", "scores_of_span"]

EVENT_NAME = "gen_ai.evaluation.result"
#: Labels that stand for a value where the evaluation gives none.
_VALUES = {"pass": 1.0, "passed": 1.0, "true": 1.0, "yes": 1.0, "fail": 0.0, "failed": 0.0, "false": 0.0, "no": 0.0}


def scores_of_span(span: Span, call: Mapping[str, Any]) -> Iterator[Event]:
    """A score for each evaluation among the events of a span; `call` is what the span itself became."""
    labels = {name: str(call.get(name) or "") for name in LABELS if name != "service"}
    for place, event in enumerate(span.events):
        if event.name == EVENT_NAME:
            yield score_of_evaluation(
                event.attributes,
                ts=(event.time_ns or span.end_ns) / 1e9,
                trace_id=span.trace_id,
                span_id=span.span_id,
                place=str(place),
                service=call.get("service"),
                labels=labels,
            )


def score_of_evaluation(
    attributes: Mapping[str, Any],
    *,
    ts: float,
    trace_id: str,
    span_id: str,
    place: str,
    service: Any,
    labels: Mapping[str, str],
) -> Event:
    """The score of one evaluation.

    Args:
        ts: when it was made, epoch seconds; 0: not known.
        place: tells it from others of the same span.
    """
    name = attributes.get("gen_ai.evaluation.name")
    label = attributes.get("gen_ai.evaluation.score.label")
    value = attributes.get("gen_ai.evaluation.score.value")
    if value is None and isinstance(label, str):
        value = _VALUES.get(label.strip().lower())
    told = [str(part) for part in (label, attributes.get("gen_ai.evaluation.explanation")) if part]
    fields: dict[str, Any] = {
        "score_id": uuid5_of(trace_id, span_id, str(name), place, str(ts)),
        "name": name,
        "value": value,
        "origin": "judge",
        "trace_id": trace_id,
        "service": service,
        "labels": dict(labels),
        "comment": ": ".join(told),
    }
    if span_id:
        fields["event_id"] = uuid5_of(trace_id, span_id)
    if ts > 0:
        fields["ts"] = ts
    return Event("score", {name: value for name, value in fields.items() if value is not None})
