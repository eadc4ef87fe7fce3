"""From the body of each path to a batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from callgauge.counted import LABELS
from callgauge.errors import DecodeError
from callgauge.ids import uuid5_of
from callgauge.schema import Mark, Score, StateChange
from callgauge_gateway.batch import Batch
from callgauge_gateway.dialects.event import Event
from callgauge_gateway.dialects.judgements import SHAPES, ResolveRef
from callgauge_gateway.dialects.litellm import call_of_payload, without_content
from callgauge_gateway.dialects.nesting import Nesting
from callgauge_gateway.dialects.traces import Traces, events_of_spans
from callgauge_gateway.guard.scope import Scope
from callgauge_gateway.intake import Intake
from callgauge_gateway.otlp import json_export, protobuf
from callgauge_gateway.otlp.export import Export
from callgauge_gateway.otlp.log_record import events_of_log_records
from callgauge_gateway.reading.call_object import Sent, call_fields_of, lower_ids, object_in
from callgauge_gateway.reading.split import split_events
from callgauge_gateway.reading.too_many import check_count
from callgauge_gateway.web.answers import JSON, PROTOBUF
from callgauge_gateway.web.endpoint import Received

__all__ = ["Readers", "is_json", "is_otlp_metrics"]

_Item = TypeVar("_Item")
#: LiteLLM's calls belong to this service where neither team, key nor ours names one.
_LITELLM = "litellm"
#: Fields that a judgement or mark may have, in the shapes that people send.
_OF_JUDGEMENTS = frozenset(
    {*Score.model_fields, *StateChange.model_fields, *Mark.model_fields, *LABELS, "thumbs", "rating", "ref"}
)
#: Bytes that a dead letter keeps of what may hold what people wrote, and cannot be taken apart.
_MOST_KEPT = 256
_ANY = msgspec.json.Decoder().decode


def is_json(received: Received) -> bool:
    """Whether an export is JSON: as its Content-Type says, or its first byte."""
    if received.content_type in (JSON, PROTOBUF):
        return received.content_type == JSON
    return received.body.lstrip()[:1] == b"{"


def is_otlp_metrics(received: Received) -> bool:
    """Whether this is an export of OTLP's metrics, which has the same path as our own."""
    return received.content_type == PROTOBUF or b'"resourceMetrics"' in received.body[:1_000]


class Readers:
    """The readers of all paths.

    Args:
        most: events of a request.
        resolve: gives the call for a token of it.
    """

    def __init__(self, intake: Intake, most: int, resolve: ResolveRef) -> None:
        self._intake = intake
        self._most = most
        self._resolve = resolve
        self._nesting = Nesting()

    def calls(self, received: Received) -> Batch:
        """Calls in callgauge's own JSON."""
        batch = Batch()
        self._intake.add(batch, self._call_events(received, batch), received.scope, "calls")
        return batch

    def _call_events(self, received: Received, batch: Batch) -> Iterator[tuple[int, Event]]:
        now = self._intake.now()
        for place, raw in enumerate(self._split(received)):
            try:
                given, mark = object_in(raw)
            except DecodeError as error:
                self._intake.refuse(batch, place, raw, error, "calls")
                continue
            fields, unknown = call_fields_of(given, Sent(raw, received.seed, place, now), mark)
            if unknown:
                batch.ignored |= unknown
            yield place, Event("call", fields)

    def judgements(self, name: str) -> Callable[[Received], Batch]:
        """Scores in the shape of this path: scores, feedback, outcomes or metrics."""
        shape = SHAPES[name]

        def events_of(given: Mapping[str, Any]) -> list[Event]:
            return shape(given, self._resolve)

        return lambda received: self._objects(received, name, events_of)

    def metrics(self, received: Received) -> Batch:
        """Any named values; OTLP's metrics, which exporters send to the same path, are passed over."""
        if is_otlp_metrics(received):
            return Batch(passed_over=1)
        return self.judgements("metrics")(received)

    def marks(self, received: Received) -> Batch:
        """Marks of changes."""
        return self._objects(received, "marks", lambda given: [Event("mark", dict(given))])

    def _objects(self, received: Received, name: str, events_of: Callable[[Mapping[str, Any]], list[Event]]) -> Batch:
        batch = Batch()
        now = self._intake.now()

        def events() -> Iterator[tuple[int, Event]]:
            for place, raw in enumerate(self._split(received)):
                try:
                    given = object_in(raw)[0]
                    made = events_of(given)
                except DecodeError as error:
                    self._intake.refuse(batch, place, raw, error, name)
                    continue
                batch.ignored |= given.keys() - _OF_JUDGEMENTS
                for event in made:
                    lower_ids(event.fields)
                    _give_id(event, Sent(raw, received.seed, place, now), is_one_of=len(made))
                    yield place, event

        self._intake.add(batch, events(), received.scope, name)
        return batch

    def litellm(self, received: Received) -> Batch:
        """Payloads of LiteLLM's generic API logger."""
        batch = Batch()
        default = received.scope.default or _LITELLM

        def events() -> Iterator[tuple[int, Event]]:
            for place, raw in enumerate(self._split(received)):
                given: Any = None
                try:
                    given = None if raw == b"null" else object_in(raw)[0]
                    event = call_of_payload(given, default)
                except DecodeError as error:
                    self._intake.refuse(batch, place, _kept(raw, given), error, "litellm")
                    continue
                _take_team(event.fields, received.scope)
                yield place, event

        self._intake.add(batch, events(), received.scope, "litellm")
        return batch

    def traces(self, received: Received) -> Batch:
        """An export of spans."""
        read = json_export.spans_of if is_json(received) else protobuf.spans_of
        return self._of_export(read, lambda spans: events_of_spans(spans, self._nesting), received)

    def logs(self, received: Received) -> Batch:
        """An export of log records."""
        read = json_export.log_records_of if is_json(received) else protobuf.log_records_of
        return self._of_export(read, events_of_log_records, received)

    def _of_export(
        self,
        read: Callable[[bytes, int], Export[_Item]],
        events_of: Callable[[list[_Item]], Traces],
        received: Received,
    ) -> Batch:
        try:
            export = read(received.body, self._most)
        except DecodeError as error:
            batch = Batch(unreadable=error)
            self._intake.refuse(batch, -1, received.body[:_MOST_KEPT], error, "otlp")
            return batch
        traces = events_of(export.items)
        batch = Batch(passed_over=traces.passed_over)
        for each in export.broken:
            self._intake.refuse(batch, -1, each.raw, each.why, "otlp")
        self._intake.add(batch, enumerate(traces.events), received.scope, "otlp")
        return batch

    def _split(self, received: Received) -> list[bytes]:
        events = split_events(received.body, self._most)
        check_count(len(events), self._most)
        return events


def _take_team(fields: dict[str, Any], scope: Scope) -> None:
    """A proxy whose key is for one service calls its teams what it likes: the team is a tag then."""
    team = fields.get("service")
    if scope.services and not scope.allows(str(team)):
        fields["service"] = scope.default
        fields["tags"] = {"litellm.team": str(team)[:256], **fields["tags"]}


def _kept(raw: bytes, given: Any) -> bytes:
    """What a dead letter keeps of a payload: nothing that people wrote or models answered."""
    try:
        given = _ANY(raw) if given is None else given
        return json.dumps(without_content(given), separators=(",", ":"), default=str).encode()  # half surrogates too
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError):
        return raw[:_MOST_KEPT]


def _give_id(event: Event, sent: Sent, is_one_of: int) -> None:
    """An id for a score or mark that has none, see `Sent`; of those that one object became, each has its own."""
    own_id, time_field = ("mark_id", "effective_from") if event.kind == "mark" else ("score_id", "ts")
    if event.fields.get("kind") == "state_change":
        own_id = "event_id"
    if event.fields.get(own_id) is None:
        has_time = event.fields.get(time_field) is not None
        event.fields[own_id] = sent.made_id(has_time, event.fields.get("service"))[0]
    if is_one_of > 1:
        event.fields[own_id] = uuid5_of(str(event.fields[own_id]), str(event.fields["name"]))
