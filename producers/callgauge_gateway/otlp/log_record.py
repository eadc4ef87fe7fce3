"""A log record of OTLP, of which only evaluations are ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from callgauge.ids import uuid5_of
from callgauge_gateway.dialects.evaluations import EVENT_NAME, score_of_evaluation
from callgauge_gateway.dialects.traces import Traces

__all__ = ["LogRecord", "events_of_log_records"]


class LogRecord(NamedTuple):
    """One record. Ids are hex in small letters, empty where there is none; its time is nanoseconds since 1970, or 0."""

    event_name: str
    time_ns: int
    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]


def events_of_log_records(records: Iterable[LogRecord]) -> Traces:
    """A score for each evaluation; the other records are passed over."""
    events = []
    passed_over = 0
    for record in records:
        if (record.event_name or record.attributes.get("event.name")) != EVENT_NAME:
            passed_over += 1
            continue
        labels = {"environment": str(found)} if (found := record.resource.get("environment")) else {}
        event = score_of_evaluation(
            record.attributes,
            ts=record.time_ns / 1e9,
            trace_id=record.trace_id,
            span_id=record.span_id,
            place=str(record.time_ns),
            service=record.resource.get("service"),
            labels=labels,
        )
        if not record.span_id and (response := record.attributes.get("gen_ai.response.id")):
            event.fields["score_id"] = uuid5_of(event.fields["score_id"], str(response))
            event.fields["event_id"] = str(response)
        events.append(event)
    return Traces(events, passed_over)
