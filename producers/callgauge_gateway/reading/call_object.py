"""From the JSON of one event to its object, and from a call's object to its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from callgauge.field_reading import id_reader
from callgauge.ids import uuid5_of, uuid7
from callgauge.lenient import NOT_UTF8, object_of
from callgauge.mending import MENDED
from callgauge.schema import Call
from callgauge_gateway.reading.nesting_depth import check_depth

__all__ = ["Sent", "call_fields_of", "content_id", "lower_ids", "object_in"]

_FIELDS = frozenset(Call.model_fields)
_DECODE = msgspec.json.Decoder(type=dict[str, Any]).decode
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_LONGEST_ID = 64
_id_of = id_reader(_LONGEST_ID)
_HEX_IDS = (("trace_id", 32), ("span_id", 16), ("parent_span_id", 16))
_HEX = re.compile(r"[0-9A-Fa-f]+")


def object_in(raw: bytes) -> tuple[Mapping[str, Any], str]:
    """The object, read leniently where it must be, and what was mended in its bytes ("": nothing).

    Raises:
        DecodeError: there is none, or it is nested too deep.
    """
    check_depth(raw)
    try:
        return _DECODE(raw), ""
    except _BROKEN:
        given, is_text = object_of(raw)
        return given, "" if is_text else f"message: {NOT_UTF8}"


def call_fields_of(given: Mapping[str, Any], sent: Sent, mark: str = "") -> tuple[dict[str, Any], set[str]]:
    """The fields of a call, its id among them, and the names that are no fields of one.

    `mark` says what was mended already. A call that has no id gets one of its trace and span, or one that `sent` makes.
    """
    fields = {name: value for name, value in given.items() if value is not None and name in _FIELDS}
    unknown = given.keys() - _FIELDS if len(fields) < len(given) else set()
    lower_ids(fields)
    event_id = fields.get("event_id")
    if type(event_id) is not str or not 0 < len(event_id) <= _LONGEST_ID:
        _give_id(fields, event_id, sent)
    if mark:
        _mark(fields, mark)
    return fields, set(unknown)


def lower_ids(fields: dict[str, Any]) -> None:
    """Write ids of traces and spans, where they are hex, in small letters, as OpenTelemetry does: so they join."""
    for name, size in _HEX_IDS:
        value = fields.get(name)
        if type(value) is str and len(value) == size and not value.islower() and _HEX.fullmatch(value):
            fields[name] = value.lower()


class Sent(NamedTuple):
    """An event as it was sent, from which an id is made where it has none."""

    raw: bytes
    seed: str
    """Stands for the request, and is the same when it is sent again; empty: nothing does."""
    place: int
    """Of the event among those of the request."""
    now_s: float

    def made_id(self, has_time: bool, service: Any) -> tuple[str, str]:
        """An id, and how it was made.

        With a time in it, an event is told by its bytes. Without, two that are equal may be two events: only an
        Idempotency-Key says whether they are. Two services may have the same key by chance.
        """
        if self.seed:
            return uuid5_of(self.seed, str(service), str(self.place)), "made of the Idempotency-Key"
        if has_time:
            return content_id(self.raw), "made of the message"
        return uuid7(self.now_s), "made on arrival, without an id or a time: sent again it counts twice"


def content_id(raw: bytes) -> str:
    """The id of an event that is told by its bytes alone; the same that readers of the bus give it."""
    return blake2b(raw, digest_size=16).hexdigest()


def _give_id(fields: dict[str, Any], given: Any, sent: Sent) -> None:
    if given is not None and (found := _id_of(given)[0]):
        fields["event_id"] = found
        return
    trace_id, span_id = fields.get("trace_id"), fields.get("span_id")
    if trace_id and span_id and isinstance(trace_id, str) and isinstance(span_id, str):
        fields["event_id"] = uuid5_of(trace_id, span_id)  # as of a span that came by OTLP
        return
    fields["event_id"], how = sent.made_id("ts" in fields, fields.get("service"))
    _mark(fields, f"event_id: {how}")


def _mark(fields: dict[str, Any], mark: str) -> None:
    tags = fields.get("tags")
    if tags is None or isinstance(tags, Mapping):
        tags = dict(tags or {})
        marks = tags.get(MENDED)
        tags[MENDED] = f"{marks}; {mark}" if isinstance(marks, str) and marks else mark
        fields["tags"] = tags
